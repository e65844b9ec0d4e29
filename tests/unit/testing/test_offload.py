from __future__ import annotations

from lineside.testing import Offload


def test_the_job_can_be_done_here_and_now() -> None:
    assert Offload("json:dumps", {"obj": [1, 2]}, key=None).run() == "[1, 2]"

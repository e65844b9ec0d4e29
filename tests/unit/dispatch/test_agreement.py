from __future__ import annotations

from lineside.control import Kind, Request
from lineside.dispatch.agreement import SingleProcess


def test_one_process_agrees_with_itself_at_once() -> None:
    requests = [Request(Kind.STOP, "enough", "me")]
    alone = SingleProcess()
    assert alone.due(7, waiting=True)
    assert not alone.due(7, waiting=False)
    assert alone.exchange(requests) == requests

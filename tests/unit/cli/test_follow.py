from __future__ import annotations

import time
from pathlib import Path

import pytest

from lineside.cli import follow as follow_module
from tests.unit.cli.commands import call
from tests.unit.cli.written_live import Training


@pytest.mark.parametrize(
    ("name", "code", "last"), [("cnn", 0, "● completed"), ("broken", 1, "● failed"), ("dead", 1, "● killed")]
)
def test_the_exit_code_tells_how_the_run_ended(written: Path, name: str, code: int, last: str) -> None:
    called = call("follow", name, "--run-dir", written)
    assert called.code == code
    assert called.out.splitlines()[-1].startswith(last)
    document = call("follow", name, "-n", "0", "--run-dir", written, "--json").document
    assert document["event"] == "state"


def test_ctrl_c_ends_with_130(training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        assert seconds == follow_module.INTERVAL
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    called = call("follow", "dead", "--run-dir", tmp_path)
    assert called.code == 130
    assert called.out.splitlines()[-1] == "● running"

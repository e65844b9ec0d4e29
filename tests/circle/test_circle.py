"""The loop that a company would have, with real servers on loopback: nothing in it is claimed that is not proven."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the circle trains with torch: pip install 'lineside[torch]'")
pytest.importorskip("apprise", reason="WeCom's robot is reached through Apprise: pip install 'lineside[alerts]'")
pytest.importorskip("aiosmtpd", reason="the mail server of the circle is aiosmtpd: pip install aiosmtpd")

from rich.console import Console

from examples.circle.__main__ import tell
from examples.circle.story import play


@pytest.mark.slow
def test_a_loss_explodes_a_training_is_killed_and_everything_arrives_once(tmp_path: Path) -> None:
    told = play(tmp_path)
    console = Console(record=True, width=120)
    tell(told, console)
    assert [check.claim for check in told.checks if not check.holds] == []
    shown = console.export_text()
    for what in (
        r"WeCom +Error: run-\S+ died",
        r"WeCom +Over: run-\S+ was started again",
        r"WeCom +Error: val/loss is \S+ \(> 10\)",
        r"mail +Error: val/loss is \S+ \(> 10\)",
        r"webhook +run-\S+ died \(answered 503; it waits\)",
        r"run +attempt 2 begins, from the checkpoint of step \d+",
        r"run +set_lr \S+ by reduce-lr-on-plateau: applied at step \d+",
        r"run +stopped: val/loss is \S+",
    ):
        assert re.search(what, shown), f"{what} is not in\n{shown}"

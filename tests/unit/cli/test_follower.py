from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from lineside.cli.follower import JsonDisplay, LineDisplay, LiveDisplay, watch
from tests.unit.cli.written_live import Training


def test_lines_tell_what_happens_until_the_end(training: Training) -> None:
    out = Console(file=io.StringIO(), width=80)
    training.then(training.epoch(1), training.event("paused"), training.event("unpaused"), training.end)
    standing = watch(training.run, LineDisplay(out), training.wait, 10)
    assert standing.state == "completed"
    assert out.file.getvalue().splitlines() == [
        "     step 20  alert: Loss spike",
        "● running",
        "     step 40  epoch 2  train/loss 1  val/loss 1.1",
        "     step 40  paused",
        "● paused",
        "     step 40  goes on",
        "● running",
        "● completed: all 10 epochs are done",
    ]


def test_what_is_recorded_just_before_the_end_is_shown(training: Training) -> None:
    out = Console(file=io.StringIO(), width=80)

    def end_at_once() -> None:
        training.event("alert", title="Spike")()
        training.end()

    watch(training.run, LineDisplay(out), training.then(end_at_once).wait, 0)
    lines = out.file.getvalue().splitlines()
    assert lines == [
        "● running",
        "     step 40  alert: Spike",
        "● completed: all 10 epochs are done",
    ]


@pytest.mark.parametrize(("lines", "shown"), [(0, 0), (1, 1), (10, 3)])
def test_so_much_of_the_past_is_shown_first(training: Training, lines: int, shown: int) -> None:
    training.epoch(1)()
    training.event("facts")()
    training.epoch(2)()
    training.end()
    out = Console(file=io.StringIO(), width=80)
    watch(training.run, LineDisplay(out), training.wait, lines)
    assert len(out.file.getvalue().splitlines()) == shown + 1


def test_a_death_is_seen(training: Training) -> None:
    out = Console(file=io.StringIO(), width=80)
    standing = watch(training.run, LineDisplay(out), training.then(training.die).wait, 0)
    assert standing.state == "killed"
    assert out.file.getvalue().splitlines()[-1].startswith("● killed: its process is gone")


def test_json_is_a_line_an_event_and_a_line_a_change(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.then(training.epoch(1), lambda: None, training.end)
    watch(training.run, JsonDisplay(), training.wait, 0)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["state", "epoch_end", "state", "state"]
    assert lines[1]["data"] == {"train/loss": 1.0, "val/loss": 1.1}
    assert lines[2]["progress"]["step"] == 40
    assert (lines[3]["state"], lines[3]["reason"]) == ("completed", "all 10 epochs are done")


def test_a_terminal_gets_lines_and_a_panel_below_them(training: Training) -> None:
    out = Console(file=io.StringIO(), width=80, height=40, force_terminal=True, _environ={})
    display = LiveDisplay(out, training.run)
    training.then(training.epoch(1), training.epoch(2), training.end)
    watch(training.run, display, training.wait, 0)
    display.close()
    shown = out.file.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert "● completed: all 10 epochs are done" in shown.replace("\x1b[34m", "").replace("\x1b[0m", "")
    assert "epoch 2  train/loss 1  val/loss 1.1" in shown.replace("\x1b[1m", "").replace("\x1b[0m", "")

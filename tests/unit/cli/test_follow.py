from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lineside.cli import follow as follow_module
from lineside.cli.follower import JsonDisplay, LineDisplay, LiveDisplay, watch
from lineside.cli.live_panel import LivePanel
from lineside.cli.standing import Standing
from lineside.store import RunDirectory, StoreWriter
from tests.unit.cli.commands import call
from tests.unit.cli.written_runs import killed


class Training:
    """Writes what a training writes, one happening at each wait."""

    def __init__(self, run: RunDirectory, *happenings: Callable[[], None]) -> None:
        self.run = run
        self.writer = StoreWriter(run.database, 1, time.time)
        self._happenings = list(happenings)

    def wait(self) -> None:
        self._happenings.pop(0)()

    def then(self, *happenings: Callable[[], None]) -> Training:
        self._happenings.extend(happenings)
        return self

    def epoch(self, number: int) -> Callable[[], None]:
        def over() -> None:
            step, values = 30 + 10 * number, {"train/loss": 1.0 / number, "val/loss": 1.1 / number}
            self.writer.rows([(step, number, time.time(), values)])
            self.writer.event("epoch_end", step=step, epoch=number, time=time.time(), data=values)
            self.writer.commit()
            self.change(progress={"epoch": number + 1, "total_epochs": 10, "step": step, "total_steps": None})

        return over

    def event(self, kind: str, **data: Any) -> Callable[[], None]:
        def happen() -> None:
            self.writer.event(kind, step=40, epoch=1, time=time.time(), data=data)
            self.writer.commit()

        return happen

    def change(self, **changes: Any) -> None:
        self.run.write_record(replace(self.run.read_record(), updated=time.time(), **changes))

    def end(self) -> None:
        self.writer.close()
        self.change(status="completed", reason="all 10 epochs are done")

    def die(self) -> None:
        self.writer.close()
        self.run.unlock()


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    run = killed(tmp_path, age=0.0)
    run.lock()
    training = Training(run)
    yield training
    training.writer.close()
    run.unlock()


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
        training.event("train_end", reason="enough")()
        training.end()

    watch(training.run, LineDisplay(out), training.then(end_at_once).wait, 0)
    lines = out.file.getvalue().splitlines()
    assert lines == [
        "● running",
        "     step 40  training is over: enough",
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
    plain = Console(file=io.StringIO(), width=80)
    record = training.run.read_record()
    plain.print(LivePanel(training.run).drawn(plain, record, Standing.of(training.run, record)))
    panel = plain.file.getvalue()
    assert "● completed: all 10 epochs are done  epoch 3/10  step 50" in " ".join(panel.split("\n")[1:3])
    assert "train/loss 0.5  val/loss 0.55  batch/loss 0.03571" in panel
    assert "└" in panel
    assert "epoch 2  train/loss 1  val/loss 1.1" in shown.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_the_panel_knows_speed_and_what_is_left(training: Training) -> None:
    out, panel = Console(file=io.StringIO(), width=100), LivePanel(training.run)
    now = time.time()
    for step in (100, 200):
        training.writer.rows([(step, 0, now + step / 10, {"train/loss": 1.0})])
        training.writer.commit()
        training.change(progress={"epoch": 1, "total_epochs": 4, "step": step, "total_steps": None})
        record = training.run.read_record()
        drawn = panel.drawn(out, record, Standing.of(training.run, record))
    out.print(drawn)
    assert "step 200  10 steps/s  1 min left" in " ".join(out.file.getvalue().split("\n"))
    assert "━" in out.file.getvalue()


def test_a_run_without_records_has_a_panel_too(tmp_path: Path) -> None:
    run = killed(tmp_path)
    run.database.unlink()
    record = replace(run.read_record(), progress={})
    out = Console(file=io.StringIO(), width=80)
    out.print(LivePanel(run).drawn(out, record, Standing.of(run, record)))
    assert "● killed" in out.file.getvalue()


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

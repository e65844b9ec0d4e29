from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from lineside.cli.live_panel import LivePanel
from lineside.cli.standing import Standing
from tests.unit.cli.written_live import Training
from tests.unit.cli.written_runs import killed


def test_the_panel_shows_state_place_newest_values_and_curves(training: Training) -> None:
    for happening in (training.epoch(1), training.epoch(2), training.end):
        happening()
    out, record = Console(file=io.StringIO(), width=80), training.run.read_record()
    out.print(LivePanel(training.run).drawn(out, record, Standing.of(training.run, record)))
    lines = out.file.getvalue().splitlines()
    assert lines[1] == "● completed: all 10 epochs are done  epoch 3/10  step 50"
    assert lines[2] == "━" * 80
    assert "batch/loss 0.03571" in lines
    assert "train/loss 0.5" in "".join(lines)
    assert any("└" in line for line in lines)


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


def test_records_of_batches_tell_the_epoch_before_the_run_does(training: Training) -> None:
    training.writer.rows([(60, 6, time.time(), {"batch/loss": 1.0})])
    training.writer.commit()
    training.change(progress={"epoch": 4, "total_epochs": 10, "step": 48, "total_steps": None})
    out, record = Console(file=io.StringIO(), width=80), training.run.read_record()
    out.print(LivePanel(training.run).drawn(out, record, Standing.of(training.run, record)))
    assert out.file.getvalue().splitlines()[1].startswith("● running  epoch 7/10  step 60")


def test_a_run_without_records_has_a_panel_too(tmp_path: Path) -> None:
    run = killed(tmp_path)
    run.database.unlink()
    record = replace(run.read_record(), progress={})
    out = Console(file=io.StringIO(), width=80)
    out.print(LivePanel(run).drawn(out, record, Standing.of(run, record)))
    assert "● killed" in out.file.getvalue()

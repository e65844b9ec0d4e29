from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lineside.cli import training_process
from lineside.cli.position import Position, newest_position
from lineside.cli.training_process import Plan, TrainingProcess
from lineside.errors import TrainingFailed
from lineside.store.reader import RunReader
from tests.architecture.repository import ROOT


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plan:
    monkeypatch.setattr(training_process, "MODULE", "tests.unit.cli.toy_training")
    monkeypatch.chdir(ROOT)  # where the toy can be found
    return Plan(tmp_path / "runs", "demo", "toy", 3)


def test_it_is_killed_in_mid_epoch_and_resumed_from_there(plan: Plan, tmp_path: Path) -> None:
    with TrainingProcess(plan, tmp_path) as training:
        run = training.kill_in_epoch(1)
        assert training.ended()
    assert run is not None
    assert run.status() == "killed"
    position = newest_position(run)
    assert position == Position(position.checkpoint, step=12, epoch=1, batch=2, batches=10)

    with TrainingProcess(plan, tmp_path, resume=True) as training:
        assert training.outcome().steps == 30
    with RunReader.open(run.path) as reader:
        assert [attempt.resumed_step for attempt in reader.attempts()] == [None, 12]


def test_a_training_that_is_over_too_early_is_not_killed(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY", "hasty")
    with TrainingProcess(plan, tmp_path) as training:
        assert training.kill_in_epoch(99) is None
        assert training.outcome().steps == 30


def test_a_quiet_one_prints_nothing_unless_it_fails(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOY", "broken")
    with TrainingProcess(plan, tmp_path, quiet=True) as training, pytest.raises(TrainingFailed) as failure:
        training.outcome()
    assert capfd.readouterr().out == ""
    assert "code 3" in str(failure.value)
    assert "the toy is broken" in str(failure.value)


def test_one_that_fails_before_it_can_be_killed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY", "broken")
    with TrainingProcess(plan, tmp_path) as training, pytest.raises(TrainingFailed, match="code 3"):
        training.kill_in_epoch(1)


def test_no_process_is_left_behind_when_its_owner_gives_up(plan: Plan, tmp_path: Path) -> None:
    training = TrainingProcess(plan, tmp_path)

    def give_up() -> None:
        with training:
            while training.run() is None:
                assert not training.ended(within=0.02)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    with pytest.raises(ProcessLookupError):
        os.kill(training.pid, signal.SIGTERM)

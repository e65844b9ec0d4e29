from __future__ import annotations

from pathlib import Path

import pytest

from lineside.cli.position import Position, newest_position
from lineside.errors import CheckpointNotFound
from lineside.run import Run
from lineside.store.directory import RunDirectory


def position_after(tmp_path: Path, epochs: int, batches: int) -> Position:
    """Return where a run saved that was stopped after so many whole epochs and batches, ten of which are an epoch."""
    with Run(run_dir=tmp_path) as run:
        for epoch in run.epochs(9):
            for number in run.batches(range(10)):
                run.stepped()
                if (epoch, number) == (epochs, batches - 1):
                    run.save(tag="now", reason="asked for")
                    run.stop("enough")
            if epoch == epochs:
                return newest_position(RunDirectory.open(run.dir))
    raise AssertionError("the run ended without a position")


@pytest.mark.parametrize(("batches", "early"), [(1, True), (5, True), (6, False), (9, False)])
def test_early_is_the_first_half_of_an_epoch(tmp_path: Path, batches: int, early: bool) -> None:
    position = position_after(tmp_path, 2, batches)
    assert position == Position(position.checkpoint, step=20 + batches, epoch=2, batch=batches, batches=10)
    assert position.early_in_epoch is early


def test_the_first_epoch_has_no_known_length(tmp_path: Path) -> None:
    position = position_after(tmp_path, 0, 3)
    assert (position.batch, position.batches, position.early_in_epoch) == (3, 0, False)


def test_the_end_of_an_epoch_is_the_beginning_of_the_next(tmp_path: Path) -> None:
    with Run(run_dir=tmp_path) as run:
        for _ in run.epochs(3):
            for _ in run.batches(range(10)):
                run.stepped()
    position = newest_position(RunDirectory.open(run.dir))
    assert (position.step, position.epoch, position.batch, position.batches) == (30, 3, 0, 10)
    assert not position.early_in_epoch


def test_a_run_without_a_checkpoint_has_no_position(tmp_path: Path) -> None:
    with Run(run_dir=tmp_path) as run:
        directory = RunDirectory.open(run.dir)
        with pytest.raises(CheckpointNotFound):
            newest_position(directory)

"""Batches that nobody looks at: what Hugging Face's own callbacks see of the run in each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "transformers", reason="the bridge to Hugging Face needs transformers: pip install transformers accelerate"
)

import torch
from transformers import Trainer, TrainerCallback

from lineside.bridges.transformers import transformers as bridge
from lineside.callback import Callback
from lineside.store.reader import RunReader
from lineside.testing import toy
from tests.frameworks.transformers.line import InOrder, trainer

_POINTS = ("on_step_begin", "on_pre_optimizer_step", "on_optimizer_step", "on_substep_end", "on_step_end")


class Idle(Callback):
    """Has no hook within batches."""

    def on_epoch_end(self, run: Any) -> None:
        self.counted = run.step, run.batches_done, run.samples


class Reads(TrainerCallback):
    """Reads the run's counters wherever Hugging Face calls its callbacks in a batch."""

    def __init__(self, ours: Any) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.ours = ours
        for point in _POINTS:
            setattr(self, point, lambda *_, point=point, **__: self.look(point))

    def look(self, point: str) -> None:
        self.seen.append((point, self.ours.run.step, self.ours.run.batches_done))


class Stops(TrainerCallback):
    def __init__(self, ours: Any, at: int) -> None:
        self.ours, self.at = ours, at

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.at:
            self.ours.run.stop("that was enough")


def fit(tmp_path: Path, idle: Any, before: Any = None, **options: Any) -> Any:
    ours = bridge([idle], run_dir=tmp_path)
    others = [before(ours)] if before is not None else []
    made = trainer(tmp_path, *others, ours, num_train_epochs=1, **options)
    made.train()
    return ours, made, others


@pytest.mark.parametrize(("accumulates", "steps"), [(1, [1, 2, 3, 4]), (2, [0, 1, 1, 2]), (3, [0, 0, 1, 2])])
def test_counters_are_right_wherever_they_are_read(accumulates: int, steps: list[int], tmp_path: Path) -> None:
    idle, reads = Idle(), []
    ours = bridge([idle], run_dir=tmp_path)
    reads = Reads(ours)
    made = trainer(tmp_path, ours, reads, num_train_epochs=1, gradient_accumulation_steps=accumulates)
    made.train()
    assert idle.counted == (steps[-1], toy.BATCHES, len(toy.training_points()))
    ends = [(step, batches) for point, step, batches in reads.seen if point in ("on_substep_end", "on_step_end")]
    assert ends == list(zip(steps, range(1, toy.BATCHES + 1), strict=True))
    within = [one for one in reads.seen if one[0] in ("on_pre_optimizer_step", "on_optimizer_step")]
    before = [(step - 1, batches - 1) for (point, step, batches) in reads.seen if point == "on_step_end"]
    assert [one[1:] for one in within] == [one for one in before for _ in range(2)]
    with RunReader.open(ours.run.dir) as reader:
        assert list(reader.series("batch/loss").steps) == steps


@pytest.mark.parametrize("accumulates", [1, 2])
def test_a_stop_that_a_callback_before_ours_asks_for_is_applied_in_its_batch(accumulates: int, tmp_path: Path) -> None:
    idle = Idle()
    ours, made, _ = fit(tmp_path, idle, lambda ours: Stops(ours, 1), gradient_accumulation_steps=accumulates)
    assert ours.run.reason == "that was enough"
    assert (ours.run.step, made.state.global_step) == (1, 1)
    assert idle.counted[:2] == (1, accumulates)


@pytest.mark.parametrize("accumulates", [1, 2])
def test_a_callback_before_ours_reads_and_logs_within_the_batch(accumulates: int, tmp_path: Path) -> None:
    class Logs(Reads):
        def look(self, point: str) -> None:
            super().look(point)
            if point == "on_step_end":
                self.ours.run.log({"own": 1.0})

    ours, _, (reads,) = fit(tmp_path, Idle(), Logs, gradient_accumulation_steps=accumulates)
    ends = [batches for point, _, batches in reads.seen if point in ("on_substep_end", "on_step_end")]
    assert ends == list(range(toy.BATCHES))
    with RunReader.open(ours.run.dir) as reader:
        assert list(reader.series("batch/own").steps) == list(range(1, 1 + toy.BATCHES // accumulates))


def test_what_others_put_around_a_step_stays(tmp_path: Path) -> None:
    called: list[str] = []

    def put_around(made: Any, name: str) -> None:
        step = made.training_step

        def around(*arguments: Any, **options: Any) -> Any:
            called.append(name)
            return step(*arguments, **options)

        made.training_step = around

    class Later(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            put_around(made, "at the beginning")

        def on_step_begin(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
            if state.global_step == 2:
                put_around(made, "within")

    one, other = bridge([Idle()], run_dir=tmp_path), bridge([Idle()], run_dir=tmp_path)
    made = trainer(tmp_path, one, other, Later(), num_train_epochs=1)
    put_around(made, "behind the constructor")
    made.train()
    assert (one.run.batches_done, other.run.batches_done) == (toy.BATCHES, toy.BATCHES)
    assert [called.count(name) for name in ("behind the constructor", "at the beginning", "within")] == [4, 4, 2]


def test_a_batch_that_is_not_as_large_as_the_loader_tells_is_looked_at(tmp_path: Path) -> None:
    def twice(samples: Any) -> Any:
        return {name: torch.stack([one[name] for one in samples] * 2) for name in samples[0]}

    class Twice(InOrder):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, data_collator=twice, **options)

    idle = Idle()
    fit(tmp_path, idle, kind=Twice)
    assert idle.counted[2] == 2 * len(toy.training_points())


class Fails(InOrder):
    """Its optimizer fails in the third step."""

    def create_optimizer(self, *arguments: Any, **options: Any) -> Any:
        optimizer = super().create_optimizer(*arguments, **options)

        def fail(*_: Any) -> None:
            if self.state.global_step == 2:
                raise RuntimeError("boom")

        optimizer.register_step_pre_hook(fail)
        return optimizer


def test_a_step_that_failed_is_not_counted(tmp_path: Path) -> None:
    ours = bridge([Idle()], run_dir=tmp_path)
    with pytest.raises(RuntimeError, match="boom"):
        trainer(tmp_path, ours, kind=Fails, num_train_epochs=1).train()
    assert (ours.run.step, ours.run.batches_done) == (2, 2)
    with RunReader.open(ours.run.dir) as reader:
        assert len(reader.series("batch/loss").values) == 2


def test_losses_of_a_device_are_copied_and_those_of_the_cpu_are_not(tmp_path: Path) -> None:
    kept: list[Any] = []

    class Keeps(InOrder):
        def training_step(self, *arguments: Any, **options: Any) -> Any:
            kept.append(super().training_step(*arguments, **options))
            return kept[-1]

    class Looks(TrainerCallback):
        def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
            same.append(bool(ours.run.tally) and ours.run.tally[-1] is kept[-1])

    same: list[bool] = []
    ours = bridge([Idle()], run_dir=tmp_path)
    trainer(tmp_path, ours, Looks(), kind=Keeps, num_train_epochs=1).train()
    # The first batch of an epoch is looked at.
    assert same == [False] + [True] * (toy.BATCHES - 1)


def test_what_is_put_around_a_trainer_ends_with_its_training(tmp_path: Path) -> None:
    ours, made, _ = fit(tmp_path, Idle())
    first = ours.run
    counted = first.batches_done
    made.training_step(made.model, {"inputs": torch.ones(2, 1), "labels": torch.ones(2, 1)})
    assert not first.tally
    assert first.batches_done == counted
    made.train()
    assert ours.run is not first
    assert ours.run.batches_done == toy.BATCHES


def test_a_loader_that_tells_no_sizes_is_looked_at(tmp_path: Path) -> None:
    class Pairs(Trainer):
        def get_train_dataloader(self) -> Any:
            return [{"inputs": torch.ones(size, 1), "labels": torch.ones(size, 1)} for size in (3, 1, 2)]

    idle = Idle()
    fit(tmp_path, idle, kind=Pairs)
    assert idle.counted == (3, 3, 6)

"""LossSpikeGuard in real trainings: what goes back, what goes on, and that a killed run does the same again."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

import lineside
from lineside.callbacks.loss_spike_guard import LossSpikeGuard
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.run import session
from lineside.store import RunReader

BATCHES = 20


@pytest.fixture(autouse=True, scope="module")
def no_waiting() -> Iterator[None]:
    """Not for the disk: only a power loss would tell. Nor for other threads: tiny tensors gain nothing from them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(session, "environment", dict)
        patch.setattr(session, "git_state", lambda path: None)
        yield
    torch.set_num_threads(threads)


def in_memory() -> TemporaryDirectory[str]:
    """Where runs lie that nobody needs longer: in memory where that is possible."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(prefix="lineside-", dir=memory if memory.is_dir() else None)


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with in_memory() as directory:
        yield Path(directory)


def data(poison: float = math.inf) -> TensorDataset:
    """200 points, one of which makes every weight that learns from it useless."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(10 * BATCHES, 4, generator=generator)
    targets = (inputs.sum(1) > 0).long()
    inputs[137] = poison
    return TensorDataset(inputs, targets)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


class Diary(lineside.Callback):
    """Writes down every step, and may die at one."""

    on_error = "raise"

    def __init__(self, dies_at: int | None = None) -> None:
        super().__init__()
        self.steps: list[tuple[int, int, int]] = []
        self.rates: list[float] = []
        self.dies_at = dies_at

    def on_batch_end(self, run: lineside.RunView) -> None:
        self.steps.append((run.step, run.epoch, run.batch))
        self.rates.append(next(iter(run.lr.values())))
        if run.step == self.dies_at and run.attempt == 1:
            raise OSError("no more power")


def train(run_dir: str | Path, *callbacks: Any, epochs: int = 2, poison: float = math.inf, **options: Any) -> Any:
    model = net()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
    trainer = lineside.Trainer(
        model,
        optimizer,
        F.cross_entropy,
        scheduler=(scheduler, "step"),
        callbacks=callbacks,
        device="cpu",
        run_dir=run_dir,
        name="guarded",
        seed=3,
    )
    loader = DataLoader(data(poison), batch_size=10, shuffle=True)
    return model, trainer.fit(loader, DataLoader(data(0.0), batch_size=50), epochs=epochs, **options)


def guard(**options: Any) -> LossSpikeGuard:
    return LossSpikeGuard(**{"check_every": "2 steps", "every": "4 steps", "max_rollbacks": 9, **options})


def decisions(directory: Path) -> list[tuple[str, str, int]]:
    """Return what the guard asked for, but for its saves, and the steps at which it was applied."""
    with RunReader.open(directory) as reader:
        return [
            (entry.request.kind.word, entry.request.reason, entry.outcome.step)
            for entry in reader.requests()
            if entry.request.author == "loss-spike-guard"
            and entry.request.kind.word != "save"
            and entry.outcome is not None
            and entry.outcome.applied
        ]


def target(reason: str) -> int:
    """Return the step that a reason says the run went back to."""
    return int(reason.split("back to step ")[1].split(",", 1)[0])


def finite(model: nn.Module) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())


def test_a_training_that_would_be_lost_is_saved(run_dir: Path) -> None:
    lost, _ = train(run_dir)
    assert not finite(lost), "or there is nothing to guard against"
    model, result = train(run_dir, guard())
    assert finite(model)
    restores = [step for kind, _, step in decisions(result.run) if kind == "restore"]
    assert len(restores) == 2, "one in each epoch"
    assert all(math.isfinite(value) for values in result.history.values() for value in values), "nor are the means lost"
    assert result.history["val/loss"][-1] < 0.5


def test_steps_data_and_schedule_go_on(run_dir: Path) -> None:
    plain, guarded = Diary(), Diary()
    train(run_dir, plain, poison=0.0)
    train(run_dir, guard(), guarded)
    assert guarded.steps == plain.steps == [(step + 1, step // BATCHES, step % BATCHES) for step in range(2 * BATCHES)]
    assert guarded.rates == plain.rates


def test_the_next_batch_finds_what_the_checkpoint_holds(run_dir: Path) -> None:
    class Compare(lineside.Callback):
        on_error = "raise"

        def on_setup(self, run: lineside.RunView) -> None:
            self.saved: dict[str, Any] = {}
            self.expected: str | None = None
            self.compared = 0

        def on_checkpoint(self, run: lineside.RunView, checkpoint: Any) -> None:
            self.saved[checkpoint.tags[0]] = {k: v.clone() for k, v in run.model.module.state_dict().items()}

        def on_alert(self, run: lineside.RunView, alert: Any) -> None:
            self.expected = f"loss-spike-guard-{target(alert.text)}"

        def on_batch_start(self, run: lineside.RunView) -> None:
            if self.expected is not None:
                now, then = run.model.module.state_dict(), self.saved[self.expected]
                assert all(torch.equal(now[name], then[name]) for name in now)
                self.expected, self.compared = None, self.compared + 1

    compare = Compare()
    train(run_dir, guard(), compare)
    assert compare.compared == 2


def test_the_means_of_the_epoch_leave_out_what_was_taken_back(run_dir: Path) -> None:
    losses: dict[int, float] = {}

    class Losses(lineside.Callback):
        def on_batch_end(self, run: lineside.RunView) -> None:
            losses[run.step] = run.batch_metrics["train/loss"]

    _, result = train(run_dir, guard(), Losses(), epochs=1)
    ((_, reason, step),) = decisions(result.run)
    back = target(reason)
    kept = [loss for number, loss in losses.items() if number <= back or number > step]
    assert result.history["train/loss"][0] == pytest.approx(sum(kept) / len(kept), rel=1e-12)


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[Any]:
    """Each training that the killed ones are compared with, once."""
    with in_memory() as place:
        yield cache(lambda action: train(place, guard(action=action)))


@pytest.mark.parametrize(("action", "dies_at"), [*(("skip", step) for step in (3, 12, 19, 31)), ("lower_lr", 33)])
def test_a_killed_run_ends_where_the_undisturbed_one_does(
    run_dir: Path, undisturbed: Any, dies_at: int, action: str
) -> None:
    whole_model, whole = undisturbed(action)
    with pytest.raises(OSError, match="no more power"):
        train(run_dir, guard(action=action), Diary(dies_at))
    model, resumed = train(run_dir, guard(action=action), Diary(), resume="auto")
    assert decisions(resumed.run) == decisions(whole.run)
    assert len(decisions(whole.run)) == (2 if action == "skip" else 4)
    assert resumed.history == whole.history
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in whole_model.state_dict().items())


def test_a_checkpoint_of_somebody_else_that_holds_the_trouble_is_no_harm_to_a_resumed_run(run_dir: Path) -> None:
    """ModelCheckpoint saves at every step, between two looks too; the run that resumes from there finds the trouble."""
    every = ModelCheckpoint(every="1 step", keep_last=1)
    whole_model, whole = train(run_dir / "whole", guard(check_every="4 steps"), every)
    step = decisions(whole.run)[0][2]
    with pytest.raises(OSError, match="no more power"):
        train(run_dir / "killed", guard(check_every="4 steps"), every, Diary(step - 1))
    model, resumed = train(run_dir / "killed", guard(check_every="4 steps"), every, Diary(), resume="auto")
    assert decisions(resumed.run) == decisions(whole.run)
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in whole_model.state_dict().items())


def test_averages_of_the_weights_go_back_too(run_dir: Path) -> None:
    class LastWeights(lineside.Callback):
        """Stands for an average: what it holds is spoilt by one bad step."""

        restored_with_weights = True

        def on_setup(self, run: lineside.RunView) -> None:
            self.sum = torch.zeros(())

        def on_batch_end(self, run: lineside.RunView) -> None:
            self.sum = self.sum + sum(weight.detach().sum() for _, weight in run.model.parameters())

        def state_tensors(self) -> dict[str, Any]:
            return {"sum": self.sum}

        def load_state_tensors(self, tensors: Any) -> None:
            self.sum = tensors["sum"]

    average = LastWeights()
    train(run_dir, guard(), average)
    assert torch.isfinite(average.sum)


def test_when_all_is_in_vain_the_run_stops_with_sound_weights(run_dir: Path) -> None:
    model, result = train(run_dir, guard(max_rollbacks=1), epochs=5)
    assert finite(model)
    assert result.reason.startswith("train/loss is nan at step ")
    assert result.reason.endswith(" and no further (rollbacks: 1)")
    assert len(result.history["val/loss"]) == 2
    assert [kind for kind, _, _ in decisions(result.run)] == ["restore", "restore", "stop"]


def test_alerts_and_decisions_stand_in_the_store(run_dir: Path) -> None:
    _, result = train(run_dir, guard(), epochs=1)
    ((kind, reason, step),) = decisions(result.run)
    assert kind == "restore"
    assert f"at step {step}; back to step " in reason
    with RunReader.open(result.run) as reader:
        alerts = [event.data for event in reader.events("alert")]
    assert [(alert["author"], alert["text"]) for alert in alerts] == [("loss-spike-guard", reason)]


def test_two_checkpoints_are_kept_and_no_more(run_dir: Path) -> None:
    _, result = train(run_dir, guard(), poison=0.0)
    own = [path.name for path in (result.run / "checkpoints").iterdir() if path.is_dir()]
    assert len(own) == 3, "two of its own, and that of the end"


def test_a_smoke_run_and_a_second_fit_work(run_dir: Path) -> None:
    one = guard()
    _, smoke = train(run_dir, one, epochs=9, smoke=True)
    model, _ = train(run_dir, one)
    assert len(smoke.history["val/loss"]) == 2
    assert finite(model)


def test_a_training_cannot_go_on_from_weights_alone(run_dir: Path) -> None:
    class Ask(lineside.Callback):
        def on_batch_end(self, run: lineside.RunView) -> None:
            if run.step == 1:
                run.save("slim", weights_only=True)
            elif run.step == 2:
                run.restore("slim", weights_only=False)

    _, result = train(run_dir, Ask(), epochs=1, poison=0.0)
    with RunReader.open(result.run) as reader:
        (restore,) = [entry for entry in reader.requests() if entry.request.kind.word == "restore"]
    assert "holds weights alone: restore it with weights_only=True" in str(restore.outcome)

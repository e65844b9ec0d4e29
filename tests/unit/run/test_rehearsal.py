from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, lr_scheduler

from lineside.callback import Callback, every
from lineside.errors import RunStateError
from lineside.run import Run
from lineside.run.safe_points import Interrupted
from lineside.store import RunReader
from lineside.trainer import Trainer
from tests.unit.run.rehearsing import KeepsItsPlace, Losses, Rehearses, loader, look, net, same
from tests.unit.run.toys import Trace, answers, events

Train = Callable[..., tuple[Any, nn.Module]]


@pytest.fixture
def by_trainer(run_dir: Path) -> Train:
    def train(*callbacks: Any, data: Any = None, epochs: int = 2, **options: Any) -> tuple[Any, nn.Module]:
        model = net()
        optimizer = Adam(model.parameters(), lr=0.01)
        fit = {name: options.pop(name) for name in ("resume", "smoke", "val_loader") if name in options}
        if make := options.pop("make_scheduler", None):
            options["scheduler"] = make(optimizer)
        trainer = Trainer(
            model, optimizer, F.cross_entropy, callbacks=callbacks, device="cpu", run_dir=run_dir, **options
        )
        return trainer.fit(data if data is not None else loader(), epochs=epochs, **fit), model

    return train


@pytest.fixture
def by_hand(run_dir: Path) -> Train:
    def train(*callbacks: Any, data: Any = None, epochs: int = 2, most: int = 1000) -> tuple[Any, nn.Module]:
        model = net()
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
        scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * 3 + 1)
        data = data if data is not None else loader()
        with Run(model=model, optimizer=optimizer, scheduler=scheduler, callbacks=callbacks, run_dir=run_dir) as run:
            for _ in run.epochs(epochs):
                for count, (inputs, targets) in enumerate(run.batches(data)):
                    if count >= most:
                        break
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(inputs), targets)
                    loss.backward()
                    optimizer.step()
                    scheduler.step()
                    run.log({"loss": loss.detach()})
        return run, model

    return train


@pytest.mark.parametrize("how", ["by_trainer", "by_hand"])
@pytest.mark.parametrize("steps", [2, 7])
def test_the_training_behind_a_rehearsal_is_bit_for_bit_that_without_one(
    how: str, steps: int, request: pytest.FixtureRequest
) -> None:
    train: Train = request.getfixturevalue(how)
    plain, rehearsed, rehearses = Losses(), Losses(), Rehearses(steps)
    _, without = train(plain)
    _, with_one = train(rehearsed, rehearses)
    assert rehearses.seen[-1] == (steps, (steps - 1) % 3)
    assert rehearses.done == [0]
    assert len(plain.seen) == 6
    assert rehearsed.seen == plain.seen
    assert same(without, with_one)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "fp16"},
        {"accumulate": 2},
        {"make_scheduler": lambda optimizer: lr_scheduler.StepLR(optimizer, 1)},
        {"make_scheduler": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=7)},
        {"data": [next(iter(loader(shuffle=False)))] * 2},
        {"seed": None},
    ],
    ids=["scaler", "accumulation", "scheduler per epoch", "short scheduler", "list", "no seed"],
)
def test_it_is_so_whatever_trains_beside_the_model(options: dict[str, Any], by_trainer: Train) -> None:
    plain, rehearsed = Losses(), Losses()
    torch.manual_seed(3)
    _, without = by_trainer(plain, **options)
    torch.manual_seed(3)
    _, with_one = by_trainer(rehearsed, Rehearses(9), **options)
    assert rehearsed.seen == plain.seen
    assert same(without, with_one)


def test_a_loader_that_keeps_its_place_begins_anew(by_trainer: Train) -> None:
    plain, rehearsed = Losses(), Losses()
    by_trainer(plain, data=KeepsItsPlace())
    by_trainer(rehearsed, Rehearses(4), data=KeepsItsPlace())
    assert rehearsed.seen == plain.seen


def test_nobody_else_sees_a_rehearsal_and_nothing_is_recorded(by_hand: Train) -> None:
    plain, rehearsed = Trace(look), Trace(look)
    one, _ = by_hand(plain)
    other, _ = by_hand(rehearsed, Rehearses())
    assert rehearsed.seen == plain.seen
    assert one.history["train/loss"] == other.history["train/loss"]
    assert "noise" not in str(dict(other.metrics))
    assert events(other, "rehearsal") == [{"callback": "rehearses", "steps": 7}]
    with RunReader.open(one.dir) as reader, RunReader.open(other.dir) as another:
        assert another.metric_names() == reader.metric_names()
    assert not (other.dir / "rehearsal").exists()


def test_it_can_be_ended_early_and_several_come_one_after_another(by_hand: Train) -> None:
    class Impatient(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            super().on_batch_end(run)
            if run.step == 4:
                run.end_rehearsal()

    order: list[str] = []
    early = Impatient(100, lambda run: order.append("early"))
    late = Rehearses(2, lambda run: order.append("late"), name="late")
    plain, rehearsed = Losses(), Losses()
    by_hand(plain)
    by_hand(rehearsed, early, late)
    assert order == ["early", "late"]
    assert [step for step, _ in early.seen] == [1, 2, 3, 4]
    assert [step for step, _ in late.seen] == [1, 2]
    assert rehearsed.seen == plain.seen


def test_a_stop_at_its_end_calls_the_epoch_off(by_trainer: Train) -> None:
    trace = Trace()
    stops = Rehearses(3, lambda run: run.stop("seen enough"))
    plain = net()
    result, model = by_trainer(trace, stops, val_loader=loader())
    assert result.reason == "seen enough"
    assert same(model, plain)
    hooks = [hook for hook in trace.seen if hook not in ("on_checkpoint", "on_alert")]
    assert hooks == ["on_setup", "on_train_start", "on_epoch_start", "on_train_end", "on_teardown"]
    assert result.history == {}


def test_an_operators_stop_cuts_it_short(by_hand: Train) -> None:
    class Stops(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            super().on_batch_end(run)
            if run.step == 5:
                run.stop("enough")

    stopping = Stops(1000)
    run, model = by_hand(stopping)
    assert run.reason == "enough"
    assert stopping.done == []
    assert len(stopping.seen) == 5
    assert same(model, net())


@pytest.mark.parametrize("steps", [2, 5])
def test_an_interrupt_ends_it_and_a_resumed_run_rehearses_anew(steps: int, by_trainer: Train) -> None:
    class Interrupts(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            super().on_batch_end(run)
            if run.step == steps:
                os.kill(os.getpid(), signal.SIGTERM)

    plain, resumed = Losses(), Losses()
    _, without = by_trainer(plain, name="plain")
    interrupted = Interrupts(7, name="rehearses")
    with pytest.raises(Interrupted):
        by_trainer(Losses(), interrupted, name="cut")
    assert interrupted.done == []
    assert len(interrupted.seen) == steps
    again = Rehearses(7)
    _, model = by_trainer(resumed, again, name="cut", resume="auto")
    assert again.done == [0]
    assert resumed.seen == plain.seen
    assert same(model, without)


def test_one_that_is_done_is_not_repeated_by_a_resumed_run(by_trainer: Train) -> None:
    class Interrupts(Callback):
        def on_batch_end(self, run: Any) -> None:
            if run.step == 4 and run.attempt == 1:
                os.kill(os.getpid(), signal.SIGTERM)

    plain, first, second = Losses(), Losses(), Losses()
    by_trainer(plain, name="plain")
    with pytest.raises(Interrupted):
        by_trainer(first, Rehearses(), Interrupts(), name="cut")
    again = Rehearses()
    by_trainer(second, again, Interrupts(), name="cut", resume="auto")
    assert again.seen == []
    assert first.seen + second.seen == plain.seen


def test_one_that_begins_in_mid_epoch_goes_back_to_there(by_trainer: Train) -> None:
    class Interrupts(Callback):
        def on_batch_end(self, run: Any) -> None:
            if run.step == 4 and run.attempt == 1:
                os.kill(os.getpid(), signal.SIGTERM)

    plain, first, second = Losses(), Losses(), Losses()
    by_trainer(plain, name="plain")
    with pytest.raises(Interrupted):
        by_trainer(first, Interrupts(), name="cut")
    late = Rehearses(4)
    by_trainer(second, late, Interrupts(), name="cut", resume="auto")
    assert late.done == [4]
    assert [batch for _, batch in late.seen] == [0, 1, 2, 0]
    assert first.seen + second.seen == plain.seen


def test_a_training_that_fails_in_it_leaves_the_model_as_it_was(by_trainer: Train) -> None:
    class Fails(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            if run.step == 3:
                raise KeyboardInterrupt

    model = net()
    held: list[nn.Module] = []

    class Holds(Callback):
        def on_setup(self, run: Any) -> None:
            held.append(run.model.module)

    with pytest.raises(KeyboardInterrupt):
        by_trainer(Holds(), Fails())
    assert same(held[0], model)


def test_a_loop_that_is_left_early_ends_it_with_what_it_saw(by_hand: Train) -> None:
    rehearses = Rehearses(100)
    run, model = by_hand(rehearses, most=2, epochs=2)
    assert rehearses.done == [0]
    assert len(rehearses.seen) == 2
    assert run.step == 2  # the first epoch went by with the rehearsal
    assert not same(model, net())


def test_an_iterator_is_refused(by_trainer: Train) -> None:
    with pytest.raises(RunStateError, match=r"Rehearses 'rehearses'.*iterator, which cannot go back"):
        by_trainer(Rehearses(), data=iter(list(loader())))


def test_only_callbacks_can_ask_for_one(make_run: Callable[..., Run]) -> None:
    with make_run() as run, pytest.raises(RunStateError, match="is for callbacks"):
        run.rehearse(1, lambda: None)


def test_a_loop_that_never_steps_ends_it_after_one_round(run_dir: Path) -> None:
    model, rehearses = net(), Rehearses(5)
    with Run(model=model, optimizer=SGD(model.parameters(), 0.1), callbacks=[rehearses], run_dir=run_dir) as run:
        for _ in run.epochs(1):
            rounds = sum(1 for _ in run.batches(loader()))
    assert rehearses.done == [0]
    assert [batch for _, batch in rehearses.seen] == [0, 1, 2]
    assert rounds == 6


def test_a_host_without_a_model_refuses_it(make_run: Callable[..., Run]) -> None:
    with pytest.raises(Exception, match=r"needs rehearse, schedule_lr.*has no model"), make_run(Rehearses()):
        pass


def test_what_is_wrong_with_its_end_is_the_callbacks_failure(by_hand: Train) -> None:
    def fail(run: Any) -> None:
        raise ValueError("no idea")

    plain, rehearsed = Losses(), Losses()
    by_hand(plain)
    rehearses = Rehearses(2, fail)
    rehearses.on_error = "isolate"
    run, _ = by_hand(rehearsed, rehearses)
    assert rehearsed.seen == plain.seen
    assert any("rehearses.done" in alert["title"] for alert in events(run, "alert"))


def test_a_callback_that_is_disabled_in_it_stays_so_and_the_others_come_back(by_hand: Train) -> None:
    class Fails(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            raise ValueError("no idea")

    losses, fails = Losses(), Fails(5)
    fails.on_error = "isolate"
    run, _ = by_hand(losses, fails)
    assert fails.done == [0]
    assert len(losses.seen) == 6
    assert any("disabled" in alert["title"] for alert in events(run, "alert"))


def test_a_full_disk_costs_the_rehearsal_and_not_the_training(by_hand: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    real = Path.mkdir

    def mkdir(self: Path, *arguments: Any, **options: Any) -> None:
        (full if self.name == "rehearsal" else real)(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    losses, rehearses = Losses(), Rehearses()
    run, _ = by_hand(losses, rehearses)
    assert len(losses.seen) == 6
    assert rehearses.seen == []
    assert any("No space left" in alert["text"] for alert in events(run, "alert"))


def test_a_smoke_run_sees_one_round(by_trainer: Train) -> None:
    rehearses = Rehearses(100)
    by_trainer(rehearses, smoke=True)
    assert [batch for _, batch in rehearses.seen] == [0, 1, 2]
    assert rehearses.done == [0]


def test_what_is_asked_for_at_its_end_is_applied_before_the_first_batch(by_hand: Train) -> None:
    losses = Losses()
    run, _ = by_hand(losses, Rehearses(2, lambda run: run.save("tried")))
    assert answers(run)[0] == ("save", "rehearses", "applied at step 0")
    assert len(losses.seen) == 6


def test_what_is_due_every_so_often_does_not_count_the_steps_of_a_rehearsal(by_hand: Train) -> None:
    class Often(Rehearses):
        @every("4 steps")
        def on_step_end(self, run: Any) -> None:
            due.append((run.rehearsing, run.step))

    due: list[tuple[bool, int]] = []
    by_hand(Often(5))
    assert due == [(True, 4), (False, 4)]

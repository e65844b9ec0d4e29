from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler

from lineside.callback import Callback
from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.callbacks.swa import SWA
from lineside.callbacks.warm_up import WarmUp
from lineside.control import Kind, Request
from lineside.errors import AttachError, OptionError, StateMismatch
from lineside.events import Event
from lineside.run import Run
from lineside.testing import FakeRun
from lineside.trainer import Trainer
from tests.unit.callbacks.rate_trainings import BATCHES, Dies, check_resumed, fit, loader, net
from tests.unit.run.conftest import no_environment, no_waiting_for_the_disk

__all__ = ["no_environment", "no_waiting_for_the_disk"]
"""Fixtures that make real trainings quick."""

Make = Callable[[Any], Any]

SCHEDULERS: dict[str, Make] = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, 1, gamma=0.5),
    "MultiStepLR": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [1, 2]),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 3),
    "LambdaLR": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch)),
    "SequentialLR": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.ConstantLR(optimizer, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.9)], [1]
    ),
    "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=3 * BATCHES),
    "CyclicLR": lambda optimizer: lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, step_size_up=3),
}


def rates(callback: Callback, epochs: int = 3, batches: int = 2, **options: Any) -> list[float]:
    """Return the rate at the end of each batch."""
    seen: list[float] = []

    class Looks(Callback):
        def on_batch_end(self, run: Any) -> None:
            seen.append(next(iter(run.lr.values())))

    FakeRun([callback, Looks()], **{"lr": 0.1, "batches": batches, "epochs": epochs, **options}).play(epochs)
    return seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "kosine"}, "schedule='kosine'. Did you mean 'cosine'"),
        ({"schedule": float, "unit": "steps"}, "unit='steps'. Did you mean 'step'"),
        ({"schedule": "linear", "duration": "3"}, "duration='3' is not a duration"),
        ({"schedule": "linear", "final_factor": -0.1}, "final_factor=-0.1 must be at least 0"),
        ({"schedule": float, "final_factor": 0.1}, "belong to 'cosine', 'linear' and 'exponential'"),
        ({"schedule": float, "verbose": 1}, "verbose=1 must be True or False"),
        ({"schedule": float, "background": True}, "background=True would set the rates of later steps"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        LearningRateScheduler(**options)


def test_a_function_of_the_epoch_counts_from_0() -> None:
    assert rates(LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)) == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_a_function_of_epoch_and_rate_goes_on_from_the_rate_of_now() -> None:
    assert rates(LearningRateScheduler(lambda epoch, lr: lr if epoch < 1 else lr / 2)) == [
        *[0.1] * 2, *[0.05] * 2, *[0.025] * 2,
    ]  # fmt: skip


def test_a_function_of_the_step_is_asked_once_a_step() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.1 / (1 + step)

    run = FakeRun([LearningRateScheduler(schedule, "step")], batches=6)
    for batch in range(6):
        run.batch_end(stepped=batch % 2 == 1)
    assert asked == [0, 1, 2]
    assert run.lr["0"] == pytest.approx(0.1 / 3)


def test_groups_are_scheduled_each_with_its_own_rate() -> None:
    run = FakeRun([LearningRateScheduler(lambda epoch, lr: lr / 2)], lr={"body": 0.1, "head": 0.4})
    run.batch_end()
    assert run.lr == {"body": 0.05, "head": 0.2}
    run = FakeRun([LearningRateScheduler(lambda epoch: {"head": 0.3})], lr={"body": 0.1, "head": 0.4})
    run.batch_end()
    assert run.lr == {"body": 0.1, "head": 0.3}


def test_a_named_schedule_lasts_for_the_whole_training_or_its_duration() -> None:
    assert rates(LearningRateScheduler("linear"), 4)[::2] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert rates(LearningRateScheduler("linear", "step"), 2) == pytest.approx([0.1, 0.075, 0.05, 0.025])
    by_step = LearningRateScheduler("linear", "step", duration="2 steps", final_factor=0.5)
    assert rates(by_step, 2) == pytest.approx([0.1, 0.075, 0.05, 0.05])
    cosine = [0.05 * (1 + math.cos(math.pi * epoch / 3)) for epoch in range(3)]
    assert rates(LearningRateScheduler("cosine"))[::2] == pytest.approx(cosine)


def test_what_is_set_stays_on_top() -> None:
    run = FakeRun([LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))], batches=1)
    run.batch_end()
    run.request(Request(Kind.SET_LR, "", "operator", "operator", {"value": 0.05, "group": None}))
    run.epoch_end(loss=0.5)
    run.batch_end()
    assert run.lr["0"] == pytest.approx(0.025)
    assert run.scheduled_lr["0"] == pytest.approx(0.05)


@pytest.mark.parametrize("schedule", [lambda epoch: 0.1, "cosine", lr_scheduler.StepLR])
def test_a_second_master_is_refused(schedule: Any) -> None:
    with pytest.raises(
        AttachError, match=r"learning-rate-scheduler schedules .* and so does CosineAnnealingLR.*scheduler="
    ):
        FakeRun([LearningRateScheduler(schedule)], schedulers=["CosineAnnealingLR"]).start()
    other = LearningRateScheduler(float, name="other")
    with pytest.raises(AttachError, match="so does other"):
        FakeRun([LearningRateScheduler(schedule), other]).start()
    other.enabled = False
    FakeRun([LearningRateScheduler(lambda epoch: 0.1), other]).start()


def test_the_schedulers_of_trainer_and_loop_are_such_masters(tmp_path: Path) -> None:
    with pytest.raises(AttachError, match="so does StepLR"):
        fit(tmp_path, [LearningRateScheduler("cosine")], scheduler=SCHEDULERS["StepLR"])
    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    loop = Run(
        model=model,
        optimizer=optimizer,
        scheduler=SCHEDULERS["StepLR"](optimizer),
        callbacks=[LearningRateScheduler("cosine")],
    )
    with pytest.raises(AttachError, match="so does StepLR"), loop:
        pass


def test_one_that_schedules_later_takes_over() -> None:
    class TakesOver(Callback):
        def on_epoch_start(self, run: Any) -> None:
            if run.epoch >= 2:
                run.schedule_lr(0.7)

    for order in (1, -1):
        mine = LearningRateScheduler(lambda epoch: 0.1 * (1 + epoch))
        run = FakeRun([mine, TakesOver()][::order], batches=1)
        for _ in range(4):
            run.epoch_end(loss=0.5)
        assert run.lr["0"] == 0.7
        assert [alert.title for alert in run.alerts] == ["learning-rate-scheduler schedules no more"]


def test_it_tells_of_each_new_rate_if_asked() -> None:
    run = FakeRun(
        [LearningRateScheduler(lambda epoch, lr: 0.1 if epoch < 2 else 0.01, verbose=True)], lr={"a": 1, "b": 2}
    )
    run.play(4)
    assert [(alert.title, alert.text, alert.level) for alert in run.alerts] == [
        ("Learning rate of epoch 1", "a: 0.1, b: 0.1", "info"),
        ("Learning rate of epoch 3", "a: 0.01, b: 0.01", "info"),
    ]


def test_batches_are_looked_at_only_if_the_rate_may_change_with_them() -> None:
    of_steps = {Event.BATCH_START, Event.STEP_END}
    assert not of_steps & LearningRateScheduler(lambda epoch: 0.1).hooks().keys()
    assert not of_steps & LearningRateScheduler("cosine").hooks().keys()
    assert not of_steps & LearningRateScheduler(lambda optimizer: None, "epoch").hooks().keys()
    assert of_steps <= LearningRateScheduler(lambda step: 0.1, "step").hooks().keys()
    assert of_steps <= LearningRateScheduler(lambda optimizer: None).hooks().keys()


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_scheduler_is_stepped_where_the_trainer_steps_it(kind: str, tmp_path: Path) -> None:
    theirs, _, _ = fit(tmp_path, [], scheduler=SCHEDULERS[kind], groups=True)
    ours, _, _ = fit(tmp_path, [LearningRateScheduler(SCHEDULERS[kind])], groups=True)
    assert ours.seen == theirs.seen
    assert len(set(ours.rates)) > 1


def test_a_ready_made_scheduler_is_stepped_as_one_that_is_made(tmp_path: Path) -> None:
    made, _, _ = fit(tmp_path, [LearningRateScheduler(partial(lr_scheduler.StepLR, step_size=1))])

    model = net()
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    seen: list[float] = []
    with Run(model=model, optimizer=optimizer, callbacks=[LearningRateScheduler(scheduler)]) as run:
        for _ in run.epochs(3):
            for _batch in run.batches([1, 2]):
                optimizer.step()
                seen.append(optimizer.param_groups[0]["lr"])
    assert seen[::2] == made.rates[::BATCHES]


@pytest.mark.parametrize("kind", ["MultiStepLR", "SequentialLR", "OneCycleLR"])
def test_schedulers_resume_bit_for_bit(kind: str, tmp_path: Path) -> None:
    used = check_resumed(tmp_path, lambda: [LearningRateScheduler(SCHEDULERS[kind])])
    assert len(set(used)) > 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: LearningRateScheduler(lambda epoch, lr: lr * 0.7),
        lambda: LearningRateScheduler(lambda step: 0.1 / (1 + step), "step"),
        lambda: LearningRateScheduler("cosine", "step", final_factor=0.1),
    ],
    ids=["epoch", "step", "name"],
)
def test_functions_and_names_resume_bit_for_bit(make: Callable[[], Callback], tmp_path: Path) -> None:
    plateau = partial(ReduceLROnPlateau, factor=0.5, patience=1, min_delta=100.0)
    assert len(set(check_resumed(tmp_path, lambda: [make(), plateau()]))) >= 3


def test_with_swa_and_warm_up_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    def callbacks() -> list[Callback]:
        swa = SWA("1 epoch", lr=0.5, anneal_epochs=1, update_bn=False)
        return [swa, WarmUp("3 steps"), LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))]

    used = check_resumed(tmp_path, callbacks)
    assert used[:3] == pytest.approx([0.01, 0.04, 0.07])
    assert used[-1] == 0.5


def test_a_run_does_not_resume_with_another_scheduler(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, [LearningRateScheduler(partial(lr_scheduler.StepLR, step_size=1)), Dies(2)])
    with pytest.raises(StateMismatch, match="made with scheduler StepLR; this run has no scheduler"):
        fit(tmp_path, [Dies(2)], resume="auto")


def test_a_failing_schedule_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="gave None for epoch 1"):
        fit(tmp_path, [LearningRateScheduler(lambda epoch: None if epoch else 0.1)])


def test_an_evaluation_makes_no_scheduler(tmp_path: Path) -> None:
    made: list[Any] = []

    def make(optimizer: Any) -> Any:
        made.append(optimizer)
        return lr_scheduler.StepLR(optimizer, 1)

    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    trainer = Trainer(
        model, optimizer, F.cross_entropy, callbacks=[LearningRateScheduler(make)], device="cpu", run_dir=tmp_path
    )
    trainer.fit(loader(), epochs=2)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)
    trainer.validate(loader())
    assert made == [optimizer]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)

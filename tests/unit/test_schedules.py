from __future__ import annotations

import functools
import math
from typing import Any

import pytest

from lineside.errors import AttachError, OptionError
from lineside.schedules import Decay, Function, Stepped, schedule_of
from lineside.testing import FakeRun
from lineside.units import Duration


class Scheduler:
    """What is asked of a framework's scheduler."""

    def __init__(self, optimizer: Any, power: int = 1) -> None:
        self.optimizer, self.power, self.steps = optimizer, power, 0

    def step(self) -> None:
        self.steps += 1

    def state_dict(self) -> dict[str, int]:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.steps = state["steps"]


class OneCycleLR(Scheduler):
    """One that is stepped after each batch, as torch's documentation says."""


class OnMetric(Scheduler):
    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Wait for a metric."""


def plan(given: Any, **options: Any) -> Any:
    return schedule_of("me", given, **{"unit": None, "duration": None, "final_factor": None, **options})


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("cosine", Decay),
        (lambda epoch: 0.1, Function),
        (lambda epoch, lr: lr, Function),
        (math.exp, Function),
        (Scheduler(None), Stepped),
        (Scheduler, Stepped),
        (lambda optimizer, power=3: Scheduler(optimizer, power), Stepped),
        (functools.partial(Scheduler, power=2), Stepped),
    ],
)
def test_what_a_schedule_is_follows_from_what_is_given(given: Any, kind: type) -> None:
    assert type(plan(given)) is kind


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        ("cosin", {}, r"schedule='cosin'\. Did you mean 'cosine'\?.*a function of the epoch"),
        (0.1, {}, r"schedule=0\.1 is a float"),
        (lambda: 0.1, {}, r"schedule\(epoch\) or schedule\(epoch, lr\); this one takes \(\)"),
        (lambda a, b, c: 0.1, {}, r"this one takes \(a, b, c\)"),
        (lambda epoch: 0.1, {"duration": Duration(3, "epochs")}, "belong to 'cosine'"),
        (Scheduler(None), {"final_factor": 0.1}, "belong to 'cosine'"),
        ("exponential", {"final_factor": 0.0}, "use 'linear'"),
        (OnMetric(None), {}, "OnMetric waits for a metric: use the callback 'reduce-lr-on-plateau'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=f"^me: .*{told}"):
        plan(given, **options)


@pytest.mark.parametrize(
    ("function", "rates"),
    [
        (lambda epoch: 0.5 + epoch, {"body": 2.5, "head": 2.5}),
        (lambda epoch, lr: lr * epoch, {"body": 0.2, "head": 0.2}),
        (lambda epoch, lr=3.0: lr * epoch, {"body": 0.2, "head": 0.2}),
        (lambda epoch, base=3.0: base * epoch, {"body": 6.0, "head": 6.0}),
        (lambda *counts: float(sum(counts)), {"body": 2.0, "head": 2.0}),
        (lambda epoch: {"head": 0.01 * epoch}, {"head": 0.02}),
    ],
)
def test_a_function_is_called_as_it_is_written(function: Any, rates: dict[str, float]) -> None:
    run = FakeRun(lr={"body": 0.1, "head": 0.1})
    run.epoch = 2
    assert plan(function).rates(run) == rates


def test_a_function_of_steps_is_given_the_step() -> None:
    run = FakeRun()
    run.step, run.epoch = 7, 2
    assert plan(float, unit="step").rates(run) == {"0": 7.0}


@pytest.mark.parametrize("rate", [None, "fast", math.nan, math.inf, -0.1])
def test_a_function_that_gives_no_rate_is_told_so(rate: Any) -> None:
    with pytest.raises(OptionError, match=r"me: the schedule gave .* for epoch 0, and a learning rate is"):
        plan(lambda epoch: rate).rates(FakeRun())


def test_one_rate_for_groups_that_differ_is_refused() -> None:
    with pytest.raises(AttachError, match=r"different ones \(body: 0\.1, head: 0\.5\).*schedule\(epoch, lr\)"):
        plan(lambda epoch: 0.1).rates(FakeRun(lr={"body": 0.1, "head": 0.5}))


def test_a_rate_for_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttachError, match=r"'haed'.*Did you mean 'head'"):
        plan(lambda epoch: {"haed": 0.1}).rates(FakeRun(lr={"body": 0.1, "head": 0.5}))


def test_a_named_schedule_falls_from_the_first_rates_to_its_end() -> None:
    run = FakeRun(lr={"body": 0.1, "head": 0.5}, epochs=4)
    curve = plan("linear", final_factor=0.5)
    curve.begin(run)
    run.schedule_lr(9.0)
    factors = []
    for run.epoch in range(6):
        rates = curve.rates(run)
        assert rates["head"] == pytest.approx(5 * rates["body"])
        factors.append(rates["body"] / 0.1)
    assert factors == pytest.approx([1.0, 0.875, 0.75, 0.625, 0.5, 0.5])


@pytest.mark.parametrize(("curve", "last"), [("cosine", 0.0), ("linear", 0.0), ("exponential", 0.001)])
def test_each_named_schedule_has_an_end_of_its_own(curve: str, last: float) -> None:
    run = FakeRun(lr=0.1)
    named = plan(curve, duration=Duration(10, "steps"))
    named.begin(run)
    run.step = 10
    assert named.rates(run)["0"] == pytest.approx(last)


def test_a_named_schedule_lasts_for_the_whole_training_or_must_be_told() -> None:
    run = FakeRun(lr=0.1)
    named = plan("linear")
    named.begin(run)
    with pytest.raises(AttachError, match=r"me: schedule='linear' lasts for the whole training.*give duration="):
        named.rates(run)
    run.total_steps, run.step = 20, 5
    assert named.rates(run)["0"] == pytest.approx(0.075)


def test_a_scheduler_is_made_for_each_optimizer_and_its_state_saved() -> None:
    run = FakeRun(optimizers={"generator": "g", "critic": "c"})
    stepped = plan(Scheduler)
    stepped.begin(run)
    stepped.step()
    made = run._added_schedulers
    assert [(one.optimizer, one.steps) for one in made] == [("g", 1), ("c", 1)]
    assert run.schedulers == ("Scheduler", "Scheduler")


def test_how_often_a_scheduler_is_stepped() -> None:
    assert plan(Scheduler(None)).unit == "epoch"
    assert plan(OneCycleLR(None)).unit == "step"
    assert plan(OneCycleLR(None), unit="epoch").unit == "epoch"
    made = plan(OneCycleLR)
    made.begin(FakeRun(optimizers={"": None}))
    assert made.unit == "step"


def test_a_function_that_makes_no_scheduler_is_told_so() -> None:
    with pytest.raises(OptionError, match=r"made a int, which is no scheduler"):
        plan(lambda optimizer: 3).begin(FakeRun(optimizers={"": None}))
    with pytest.raises(OptionError, match="waits for a metric"):
        plan(OnMetric).begin(FakeRun(optimizers={"": None}))


def test_without_an_optimizer_there_is_nothing_to_make_and_nothing_to_train() -> None:
    stepped = plan(Scheduler)
    stepped.begin(run := FakeRun())
    assert run.schedulers == ()
    with pytest.raises(AttachError, match="me: this run has no optimizer"):
        stepped.check()
    plan(Scheduler(None)).check()

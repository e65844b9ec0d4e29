from __future__ import annotations

from typing import Any

import pytest

from lineside.callback import Callback
from lineside.callbacks.ema import EMA
from lineside.errors import AttachError, OptionError
from lineside.testing import FakeModel, FakeRun


class Learns(Callback):
    """Sets the only weight to the number of the step, as an optimizer that does not care for gradients."""

    def on_backward_end(self, run: Any) -> None:
        run.model.load({"w": [float(run.step + 1)]})


class Looks(Callback):
    """Notes the weight that validations see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_val_batch_end(self, run: Any) -> None:
        self.seen.append(run.model.capture()["w"][0])


def trained(*callbacks: Callback, batches: int = 3, state: Any = None) -> FakeRun:
    options: Any = {"batches": batches, "model": FakeModel({"w": [0.0]})}
    cast = [Learns(), *callbacks]
    return FakeRun(cast, **options) if state is None else FakeRun.resumed(state, cast, **options)


def averaged(weights: list[float], decays: list[float], start: float = 0.0) -> float:
    for weight, decay in zip(weights, decays, strict=True):
        start += (1.0 - decay) * (weight - start)
    return start


def average_of(ema: EMA) -> float:
    return float(ema.state_tensors()["w"][0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 1.0}, "decay=1.0 must be below 1"),
        ({"decay": -0.1}, "decay"),
        ({"decay": "0.9"}, "decay"),
        ({"every": "1"}, "every='1'"),
        ({"start": 3}, "start=3"),
        ({"warmup": "yes"}, "warmup='yes' must be True or False"),
        ({"apply_at_end": None}, "apply_at_end"),
        ({"background": True}, "background=True has no model"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        EMA(**options)


def test_the_average_follows_the_weights_after_each_step() -> None:
    run = trained(ema := EMA(0.9, warmup=False))
    for _ in range(3):
        run.batch_end(loss=1.0)
    assert average_of(ema) == pytest.approx(averaged([1.0, 2.0, 3.0], [0.9] * 3))


def test_the_warm_up_forgets_the_first_weights_soon() -> None:
    run = trained(ema := EMA(0.2))
    for _ in range(4):
        run.batch_end(loss=1.0)
    ramp = [1 / 10, 2 / 11, 0.2, 0.2]  # (1 + n) / (10 + n), and never above decay
    assert average_of(ema) == pytest.approx(averaged([1.0, 2.0, 3.0, 4.0], ramp))


def test_batches_without_a_step_are_no_updates() -> None:
    run = trained(ema := EMA(0.5, warmup=False))
    run.batch_end(loss=1.0, stepped=False)
    assert average_of(ema) == 0.0
    run.batch_end(loss=1.0)
    assert ema.state_dict()["updates"] == 1


def test_it_updates_as_often_as_asked() -> None:
    run = trained(ema := EMA(0.5, warmup=False, every="2 steps"))
    for _ in range(5):
        run.batch_end(loss=1.0)
    assert average_of(ema) == pytest.approx(averaged([2.0, 4.0], [0.5] * 2))


@pytest.mark.parametrize(("start", "first"), [("3 steps", 3.0), ("1 epoch", 4.0)])
def test_it_begins_after_so_much_training_from_the_weights_of_then(start: str, first: float) -> None:
    run = trained(ema := EMA(0.5, warmup=False, start=start))
    states = (dict(ema.state_tensors()) for _ in run.safe_points(3, lambda epoch: {"loss": 1.0}))
    assert next(tensors["w"] for tensors in states if tensors) == [first]


def test_validations_see_the_average_and_nobody_else_does() -> None:
    run = trained(EMA(0.5, warmup=False), looks := Looks())
    run.epoch_end(loss=1.0, val_loss=0.5)
    assert looks.seen == [pytest.approx(averaged([1.0, 2.0, 3.0], [0.5] * 3))]
    assert run.model.capture() == {"w": [3.0]}
    assert run.validated_with == "ema"


def test_before_it_begins_validations_are_made_with_the_model() -> None:
    run = trained(EMA(start="2 epochs"), looks := Looks())
    run.epoch_end(loss=1.0, val_loss=0.5)
    assert looks.seen == [3.0]
    assert run.validated_with == "raw"


def test_it_can_be_kept_without_being_validated_or_applied() -> None:
    run = trained(EMA(0.5, validate_with=False, apply_at_end=False), looks := Looks())
    run.play(1)
    assert looks.seen == [3.0]
    assert run.validated_with == "raw"
    assert run.model.capture() == {"w": [3.0]}


def test_the_average_is_left_in_the_model_at_the_end() -> None:
    run = trained(EMA(0.5, warmup=False))
    run.play(1)
    assert run.model.capture()["w"] == [pytest.approx(averaged([1.0, 2.0, 3.0], [0.5] * 3))]


def test_a_validation_that_fails_leaves_the_weights_of_the_training() -> None:
    class Fails(Callback):
        def on_val_batch_end(self, run: Any) -> None:
            raise MemoryError("too large")

    run = trained(EMA(0.5), Fails())
    with pytest.raises(MemoryError):
        run.epoch_end(loss=1.0, val_loss=0.5)
    assert run.model.capture() == {"w": [3.0]}


def test_two_that_validate_are_refused_and_two_of_which_one_does_are_not() -> None:
    with pytest.raises(AttachError, match="slow and fast both want"):
        trained(EMA(0.999, name="slow"), EMA(0.9, name="fast")).play(1)
    run = trained(EMA(0.999, name="slow"), EMA(0.9, name="fast", validate_with=False)).play(1)
    assert run.validated_with == "slow"


def test_a_resumed_run_averages_on_at_every_step() -> None:
    whole = trained(untouched := EMA(0.9, start="2 steps", every="2 steps"))
    values = [dict(untouched.state_tensors()) for _ in whole.safe_points(3)]
    cut = trained(EMA(0.9, start="2 steps", every="2 steps"))
    for number, _ in enumerate(cut.safe_points(3)):
        resumed = trained(again := EMA(0.9, start="2 steps", every="2 steps"), state=cut.state())
        resumed.model.load({"w": [float(cut.step)]})
        later = [dict(again.state_tensors()) for _ in resumed.safe_points(3)]
        assert later == values[number + 1 :]


def test_weights_that_go_back_take_the_average_with_them() -> None:
    assert EMA.restored_with_weights
    run = trained(ema := EMA(0.5, warmup=False))
    run.batch_end(loss=1.0)
    state, tensors = ema.state_dict(), {"w": list(ema.state_tensors()["w"])}
    run.batch_end(loss=1.0)
    ema.load_state_dict(state)
    ema.load_state_tensors(tensors)
    assert average_of(ema) == 0.5
    run.batch_end(loss=1.0)
    assert average_of(ema) == pytest.approx(averaged([3.0], [0.5], start=0.5))


def test_weights_that_go_back_behind_its_beginning_make_it_begin_anew() -> None:
    run = trained(ema := EMA(0.5, warmup=False, start="2 steps"))
    run.batch_end(loss=1.0)
    early = ema.state_dict()
    run.batch_end(loss=1.0)
    run.batch_end(loss=1.0)
    ema.load_state_dict(early)
    assert not ema.state_tensors()
    run.batch_end(loss=1.0)
    assert average_of(ema) == 4.0


def test_it_holds_no_memory_when_the_run_is_over() -> None:
    run = trained(ema := EMA())
    run.play(1)
    assert not ema.state_tensors()

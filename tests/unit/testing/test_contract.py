"""The suite finds what it is there to find: each of these callbacks breaks one promise."""

from __future__ import annotations

import math

import pytest

from lineside import Callback
from lineside.testing import CallbackContract, check_callback


class Good(Callback):
    """Alerts at every new low of the validation loss; has state, and resets it."""

    def on_setup(self, run) -> None:
        self.low = None

    def on_epoch_end(self, run) -> None:
        loss = run.metrics.get("val/loss", math.nan)
        if math.isfinite(loss) and (self.low is None or loss < self.low):
            self.low = loss
            run.alert("New low", str(loss))

    def state_dict(self):
        return {"low": self.low}

    def load_state_dict(self, state) -> None:
        self.low = state["low"]


def test_a_good_callback_passes() -> None:
    check_callback(Good)


def test_what_is_inline_only_passes_if_it_says_so() -> None:
    class InlineOnly(Good):
        def check_options(self) -> None:
            super().check_options()
            if self.background:
                from lineside.errors import OptionError

                raise OptionError("inline-only: background=True is not possible.")

    check_callback(InlineOnly, inline_only=True)
    with pytest.raises(ValueError, match="background=True is not possible"):
        check_callback(InlineOnly)
    with pytest.raises(AssertionError, match="is inline only and accepts background=True"):
        check_callback(Good, inline_only=True)


class Single(Good):
    def on_setup(self, run) -> None:
        super().on_setup(run)
        self._refuse_a_second(run, "one is enough.")


@pytest.mark.parametrize("made", [Single, Good])
def test_what_is_alone_must_refuse_a_second(made) -> None:
    class Suite(CallbackContract):
        alone = True

        def make(self, **options):
            return made(**options)

    if made is Single:
        check_callback(made, alone=True)
    else:
        with pytest.raises(AssertionError, match="is declared to be alone"):
            Suite().test_two_of_a_kind_share_a_run()


class LosesInfinity(Good):
    def on_epoch_end(self, run) -> None:
        loss = run.metrics["val/loss"]
        if not math.isnan(loss):
            self.low = loss if self.low is None else max(loss, self.low)

    def load_state_dict(self, state) -> None:
        self.low = None if state["low"] == math.inf else state["low"]


class LosesLateValues(Good):
    def on_setup(self, run) -> None:
        super().on_setup(run)
        self.missed = 0

    def on_val_end(self, run) -> None:
        self.missed += "val/loss" not in run.metrics

    def on_train_end(self, run) -> None:
        run.alert(f"{self.missed} values came late")


@pytest.mark.parametrize(
    ("broken", "message"), [(LosesInfinity, "infinity, resumed at step"), (LosesLateValues, "late, resumed at step")]
)
def test_each_scene_is_resumed_and_late_values_are(broken, message) -> None:
    class Suite(CallbackContract):
        def make(self, **options):
            return broken(**options)

    with pytest.raises(AssertionError, match=message):
        Suite().test_a_resumed_run_does_what_the_uninterrupted_one_does()


class Nameless(Good):
    def __init__(self, **options) -> None:
        options.pop("name", None)
        super().__init__(**options)


class Mute(Good):
    def __repr__(self) -> str:
        return "?"


class Swallows(Good):
    def __init__(self, *, no_such_option=None, **options) -> None:
        super().__init__(**options)


class DoesNothing(Callback):
    pass


class TouchesTheModel(Good):
    def on_epoch_start(self, run) -> None:
        run.model.norms("parameters")


class TakesZeroForMissing(Good):
    def on_epoch_end(self, run) -> None:
        if not run.metrics["val/loss"]:
            raise RuntimeError("there is no value")


class FailsOnNaN(Good):
    def on_epoch_end(self, run) -> None:
        self.low = int(run.metrics["val/loss"])


class AsksForNaN(Good):
    def on_epoch_end(self, run) -> None:
        run.set_lr(run.metrics["val/loss"], "body")


class MissesLateValues(Good):
    def on_val_end(self, run) -> None:
        if "val/loss" in run.metrics and run.metrics["val/loss"] < 0.3:
            run.stop("low enough")


class NeedsItsMetric(Good):
    def on_epoch_end(self, run) -> None:
        self.low = run.metrics["val/loss"]


class NeedsAnEpoch(Good):
    def on_epoch_start(self, run) -> None:
        self.began = run.step

    def on_exception(self, run, error) -> None:
        run.alert(f"Failed after {run.step - self.began} steps")


class NeedsASetup(Good):
    def on_teardown(self, run) -> None:
        del self.low


class NeedsABatch(Good):
    def on_test_end(self, run) -> None:
        raise RuntimeError("where is the batch?")


class KeepsATuple(Good):
    def state_dict(self):
        return {"low": (self.low,)}

    def load_state_dict(self, state) -> None:
        (self.low,) = state["low"]


class HasNoState(Good):
    def state_dict(self):
        return {}

    def load_state_dict(self, state) -> None:
        pass


class IsNotReset(Good):
    low = None

    def on_setup(self, run) -> None:
        pass


class SharesItsState(Good):
    lows: list[float] = []  # noqa: RUF012 - the mistake that is to be found

    def on_setup(self, run) -> None:
        super().on_setup(run)
        self.lows.clear()

    def on_epoch_end(self, run) -> None:
        self.lows.append(run.metrics["val/loss"])
        run.alert("So far", str(self.lows))


class CountsTheOthers(Good):
    def on_train_start(self, run) -> None:
        run.alert("Beside me", str(len(run.callbacks) - 1))


class NamesItself(Good):
    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.name = f"{self.name}-{id(self)}"


BROKEN = [
    (Nameless, "test_it_shows_what_it_is", "ignores name="),
    (Mute, "test_it_shows_what_it_is", "must hold class and name"),
    (Swallows, "test_an_unknown_option_is_refused", "accepts no_such_option=1"),
    (DoesNothing, "test_it_subscribes_to_events", "subscribes to nothing"),
    (TouchesTheModel, "test_it_runs_where_it_says", "reached for run.model"),
    (TakesZeroForMissing, "test_it_bears_zero", "there is no value"),
    (FailsOnNaN, "test_it_bears_nan_first", "cannot convert float NaN"),
    (FailsOnNaN, "test_it_bears_nan_in_the_middle", "cannot convert float NaN"),
    (AsksForNaN, "test_it_bears_nan_in_the_middle", r"set_lr\['value'\] is nan; a number must be finite"),
    (FailsOnNaN, "test_it_bears_infinity", "cannot convert float infinity"),
    (MissesLateValues, "test_it_asks_the_same_when_values_come_late", "values that come late: effect 1 is nothing"),
    (NeedsItsMetric, "test_it_bears_metrics_that_never_come", "There is no metric 'val/loss'"),
    (NeedsAnEpoch, "test_it_bears_a_run_that_fails", "began"),
    (NeedsASetup, "test_it_bears_a_teardown_without_a_setup", "low"),
    (NeedsABatch, "test_it_bears_the_other_stages", "where is the batch"),
    (KeepsATuple, "test_its_state_is_plain_data", r"state_dict\(\)\['low'\] is \(None,\), a tuple"),
    (HasNoState, "test_a_resumed_run_does_what_the_uninterrupted_one_does", "resumed at step"),
    (IsNotReset, "test_a_second_fit_is_like_the_first", "in a second fit"),
    (CountsTheOthers, "test_two_of_a_kind_share_a_run", "two in one run: effect 1"),
    (NamesItself, "test_two_of_one_name_are_refused", "two of one name join one run"),
    (SharesItsState, "test_two_of_a_kind_are_independent", "beside another one"),
]


@pytest.mark.parametrize(("broken", "check", "message"), BROKEN)
def test_a_broken_promise_is_found(broken, check, message) -> None:
    class Suite(CallbackContract):
        def make(self, **options):
            return broken(**options)

    with pytest.raises(Exception, match=message):
        getattr(Suite(), check)()


def test_every_check_can_fail() -> None:
    checks = {name for name in dir(CallbackContract) if name.startswith("test_")}
    assert checks == {check for _, check, _ in BROKEN}


def test_a_suite_without_a_callback_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Unfinished must define make"):
        type("Unfinished", (CallbackContract,), {})().test_it_bears_zero()

from __future__ import annotations

import functools
import math
from typing import Any

import pytest

from lineside.callback import Callback, Hook, check_signature, every, registered_name
from lineside.errors import CallbackDefinitionError, OptionError, UnknownOption
from lineside.events import Event
from lineside.units import Duration


def define(**members: Any) -> type[Callback]:
    return type("Mine", (Callback,), members)


class LossMonitor(Callback):
    def on_epoch_end(self, run):
        self.seen = run


# ---- definition ------------------------------------------------------------------------------------------------------


def test_a_hook_is_all_that_a_callback_needs() -> None:
    callback = LossMonitor()
    hooks = callback.hooks()
    assert list(hooks) == [Event.EPOCH_END]
    hooks[Event.EPOCH_END].call("the run")
    assert callback.seen == "the run"
    assert callback.name == "loss-monitor"
    assert repr(callback) == "<LossMonitor 'loss-monitor'>"
    assert (callback.state_dict(), callback.state_tensors()) == ({}, {})


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("EarlyStopping", "early-stopping"),
        ("LogMetricsCallback", "log-metrics"),
        ("ReduceLROnPlateau", "reduce-lr-on-plateau"),
        ("CSVLogger", "csv-logger"),
        ("TensorBoard", "tensor-board"),
        ("Callback", "callback"),
        ("Watch2", "watch2"),
    ],
)
def test_a_class_is_registered_in_kebab_case(name: str, registered: str) -> None:
    assert registered_name(type(name, (), {})) == registered


@pytest.mark.parametrize(
    ("hook", "nearest"),
    [("on_epoch_ends", "on_epoch_end"), ("on_epochend", "on_epoch_end"), ("on_train_strat", "on_train_start")],
)
def test_a_misspelt_hook_is_refused_with_the_nearest_name(hook: str, nearest: str) -> None:
    with pytest.raises(CallbackDefinitionError, match=rf"Mine\.{hook} is not a hook\. Did you mean '{nearest}'\?"):
        define(**{hook: lambda self, run: None})


@pytest.mark.parametrize(
    ("hook", "function", "right"),
    [
        ("on_epoch_end", lambda self: None, "on_epoch_end(self, run)"),
        ("on_epoch_end", lambda self, run, more: None, "on_epoch_end(self, run)"),
        ("on_epoch_end", lambda self, *, run: None, "on_epoch_end(self, run)"),
        ("on_checkpoint", lambda self, run: None, "on_checkpoint(self, run, checkpoint)"),
        ("on_alert", lambda self, run: None, "on_alert(self, run, alert)"),
        ("on_exception", lambda self, run: None, "on_exception(self, run, error)"),
        ("on_model_save", lambda self, run: None, "on_checkpoint(self, run, checkpoint)"),
    ],
)
def test_a_wrong_signature_is_refused_with_the_right_one(hook: str, function: Any, right: str) -> None:
    with pytest.raises(CallbackDefinitionError) as refusal:
        define(**{hook: function})
    assert f"Mine.{hook} must be written as {right}" in str(refusal.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda self, epoch, logs=None: None,
        lambda self, trainer, pl_module: None,
        lambda self, args, state, control, **more: None,
    ],
)
def test_the_signature_of_another_framework_is_refused_with_the_way_out(function: Any) -> None:
    with pytest.raises(
        CallbackDefinitionError, match=r"is another framework's signature: wrap the object with lineside\.adopt"
    ):
        define(on_epoch_end=function)


def test_a_frequency_at_what_is_no_hook_is_refused() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"@every stands at Mine\.batch_end: batch_end is not a hook"):
        define(batch_end=every("10 steps")(lambda self, run: None))


def test_a_misspelt_option_is_refused_with_the_nearest_of_the_class_and_all_there_are() -> None:
    class Mine(Callback):
        def __init__(self, patience: int = 1, **options: Any) -> None:
            super().__init__(**options)

    with pytest.raises(
        UnknownOption,
        match=r"Mine has no option 'patiense'\. Did you mean 'patience'\? There is: patience, name, enabled",
    ):
        Mine(patiense=3)
    with pytest.raises(TypeError, match="Did you mean 'enabled'"):
        Mine(enabeld=False)


@pytest.mark.parametrize(
    "function",
    [
        lambda self, run: None,
        lambda self, anything: None,
        lambda self, run, more=None: None,
        lambda self, *args: None,
        lambda self, run, **more: None,
        lambda this, run: None,
    ],
)
def test_whatever_can_be_called_with_the_run_is_accepted(function: Any) -> None:
    assert list(define(on_epoch_end=function)().hooks()) == [Event.EPOCH_END]


@pytest.mark.parametrize(
    ("hook", "function"),
    [
        ("on_epoch_end", lambda self, epoch, logs: None),
        ("on_epoch_end", lambda self, epoch, logs=None: None),
        ("on_train_epoch_end", lambda self, trainer, pl_module: None),
        ("setup", lambda self, trainer, pl_module, stage: None),
    ],
)
def test_a_hook_of_another_framework_is_pointed_to_adopt(hook: str, function: Any) -> None:
    with pytest.raises(CallbackDefinitionError, match=r"lineside\.adopt"):
        define(**{hook: function})


def test_a_hook_that_would_never_run_is_refused() -> None:
    async def coroutine(self, run):
        pass

    async def stream(self, run):
        yield

    def generator(self, run):
        yield

    for function in (coroutine, stream):
        with pytest.raises(CallbackDefinitionError, match="does not await"):
            define(on_epoch_end=function)
    with pytest.raises(CallbackDefinitionError, match="holds a yield"):
        define(on_epoch_end=generator)


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_hook_is_an_ordinary_method(kind: Any) -> None:
    with pytest.raises(CallbackDefinitionError, match=r"Mine\.on_epoch_end must be an ordinary method"):
        define(on_epoch_end=kind(lambda run: None))


def test_two_hooks_of_one_event_are_refused() -> None:
    def hook(self, run):
        pass

    with pytest.raises(CallbackDefinitionError, match="two hooks for one event, on_val_end and on_validation_end"):
        define(on_val_end=hook, on_validation_end=hook)


def test_an_attribute_that_is_no_method_is_no_hook() -> None:
    assert define(on_error="raise", on_purpose=3)().hooks() == {}


def test_a_decorated_method_keeps_its_signature() -> None:
    def plain(self, run):
        pass

    @functools.wraps(plain)
    def wrapped(*args):
        plain(*args)

    assert Event.EPOCH_END in define(on_epoch_end=wrapped)().hooks()


# ---- inheritance -----------------------------------------------------------------------------------------------------


def test_a_subclass_overrides_a_hook_whatever_it_is_called_there() -> None:
    class Base(Callback):
        def on_val_end(self, run):
            raise AssertionError("the base was called")

        def on_epoch_end(self, run):
            return "base"

    class Derived(Base):
        def on_validation_end(self, run):
            return "derived"

    hooks = Derived().hooks()
    assert hooks[Event.VAL_END].call(None) == "derived"
    assert hooks[Event.EPOCH_END].call(None) == "base"
    assert Derived.name == "derived"


def test_a_subclass_takes_a_hook_away_with_none() -> None:
    class Base(Callback):
        def on_epoch_end(self, run):
            pass

        def on_val_end(self, run):
            pass

    assert list(type("Derived", (Base,), {"on_epoch_end": None})().hooks()) == [Event.VAL_END]
    assert list(type("Derived", (Base,), {"on_validation_end": None})().hooks()) == [Event.EPOCH_END]


def test_hooks_of_a_mixin_count_and_are_checked() -> None:
    class Mixin:
        def on_epoch_end(self, run):
            pass

    class Wrong:
        def on_epoch_edn(self, run):
            pass

    assert Event.EPOCH_END in type("Mine", (Mixin, Callback), {})().hooks()
    with pytest.raises(CallbackDefinitionError, match=r"Wrong\.on_epoch_edn"):
        type("Mine", (Wrong, Callback), {})


def test_a_class_keeps_the_name_that_it_was_given() -> None:
    assert define(name="another")().name == "another"


# ---- options ---------------------------------------------------------------------------------------------------------


def test_options_are_attributes_and_a_class_may_set_its_own() -> None:
    quiet = define(on_error="raise", close_timeout=3.0)
    assert (quiet().on_error, quiet().close_timeout) == ("raise", 3.0)
    own = quiet(name="own", enabled=False, on_error="isolate", background=True, ranks="all", close_timeout=1)
    assert (own.name, own.enabled, own.on_error) == ("own", False, "isolate")
    assert (own.background, own.ranks, own.close_timeout) == (True, "all", 1)


def test_a_class_without_a_call_of_our_init_works() -> None:
    class Careless(Callback):
        def __init__(self) -> None:
            self.count = 0

        def on_epoch_end(self, run):
            self.count += 1

    assert list(Careless().hooks()) == [Event.EPOCH_END]
    assert Careless().name == "careless"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": ""}, "letters, digits"),
        ({"name": "a b"}, "letters, digits"),
        ({"name": "a/b"}, "letters, digits"),
        ({"name": "x" * 101}, "letters, digits"),
        ({"name": 3}, "letters, digits"),
        ({"on_error": "ignore"}, "Use 'isolate' or 'raise'"),
        ({"on_error": "rais"}, "Did you mean 'raise'?"),
        ({"ranks": "one"}, "Use 'zero' or 'all'"),
        ({"close_timeout": 0}, "positive"),
        ({"close_timeout": -1}, "positive"),
        ({"close_timeout": math.nan}, "positive"),
        ({"close_timeout": math.inf}, "finite"),
        ({"close_timeout": "10"}, "positive"),
        ({"enabled": "no"}, "True or False"),
        ({"background": 1}, "True or False"),
    ],
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError) as refusal:
        LossMonitor(**options)
    assert why in str(refusal.value)
    assert next(iter(options)) in str(refusal.value)


def test_an_option_set_later_is_checked_when_the_callback_joins() -> None:
    callback = LossMonitor()
    callback.on_error = "sometimes"  # type: ignore[assignment]
    with pytest.raises(OptionError, match="on_error='sometimes'"):
        callback.check_options()


# ---- every -----------------------------------------------------------------------------------------------------------


def test_every_gives_the_hook_a_duration() -> None:
    class Often(Callback):
        @every("100 steps")
        def on_batch_end(self, run):
            pass

        @every(Duration(2, "epochs"))
        def on_epoch_end(self, run):
            pass

        def on_val_end(self, run):
            pass

    durations = {event: hook.every for event, hook in Often().hooks().items()}
    assert durations == {
        Event.BATCH_END: Duration(100, "steps"),
        Event.EPOCH_END: Duration(2, "epochs"),
        Event.VAL_END: None,
    }


def test_every_refuses_what_is_no_duration_where_it_is_written() -> None:
    with pytest.raises(OptionError, match="@every=100"):
        every(100)  # type: ignore[arg-type]


def test_a_hook_of_a_function_has_the_duration_of_the_function() -> None:
    function = every("3 epochs")(lambda run: None)
    assert Hook.of(function) == Hook(function, Duration(3, "epochs"))


def test_a_function_is_checked_without_self() -> None:
    check_signature("on_epoch_end=", lambda run: None, Event.EPOCH_END, method=False)
    with pytest.raises(CallbackDefinitionError, match=r"written as on_epoch_end\(run\)"):
        check_signature("on_epoch_end=", lambda: None, Event.EPOCH_END, method=False)

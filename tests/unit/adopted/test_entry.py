from __future__ import annotations

import pytest

import lineside.adopted.keras
from lineside import Callback
from lineside.adopted import adopt
from lineside.errors import CallbackDefinitionError, OptionError
from lineside.events import Event
from lineside.testing import FakeRun


class Monitor:
    def on_epoch_end(self, epoch, logs=None):
        pass


class Watcher:
    def on_epoch_end(self, trainer):
        pass


class Stopper:
    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        pass


def on_fit_epoch_end(trainer):
    pass


@pytest.mark.parametrize(
    ("foreign", "style", "name"),
    [
        (Monitor(), "keras", "keras-monitor"),
        (Watcher(), "ultralytics", "ultralytics-watcher"),
        (Stopper(), "transformers", "transformers-stopper"),
        (on_fit_epoch_end, "ultralytics", "ultralytics-on-fit-epoch-end"),
        ({"on_fit_epoch_end": [on_fit_epoch_end]}, "ultralytics", "ultralytics-functions"),
    ],
)
def test_the_style_is_found_and_is_part_of_the_name(foreign: object, style: str, name: str) -> None:
    callback = adopt(foreign)
    assert (callback.style, callback.name) == (style, name)


def test_common_options_are_passed_on() -> None:
    callback = adopt(Monitor(), name="mine", on_error="raise", enabled=False)
    assert (callback.name, callback.on_error, callback.enabled) == ("mine", "raise", False)


def test_only_what_somebody_wrote_is_subscribed() -> None:
    assert Event.BATCH_END not in adopt(Monitor()).hooks()
    assert Event.EPOCH_END in adopt(Monitor()).hooks()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Monitor, ["Monitor()"]),
        (type("Ours", (Callback,), {})(), ["already"]),
        (object(), ["object", "no hook"]),
        ({}, ["no hook"]),
        ({"on_train_end": 3}, ["on_train_end", "function"]),
    ],
)
def test_what_is_no_callback_of_theirs_is_refused(given: object, words: list[str]) -> None:
    with pytest.raises(OptionError) as refusal:
        adopt(given)
    assert all(word in str(refusal.value) for word in words)


def test_a_misspelt_style_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'keras'"):
        adopt(Monitor(), style="kera")


def test_a_style_that_does_not_fit_is_refused_with_the_hook() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"Monitor\.on_epoch_end takes \(epoch, logs\)"):
        adopt(Monitor(), style="transformers")


def test_the_background_is_refused() -> None:
    with pytest.raises(OptionError, match="background"):
        adopt(Monitor(), background=True)


def test_other_callbacks_see_whether_it_is_resumable() -> None:
    run = FakeRun([adopt(Monitor())])
    (info,) = run.callbacks
    assert info.options["resumable"] is False
    assert info.options["adopted"] == "Monitor"


def test_the_room_does_not_hide_the_function() -> None:
    assert callable(adopt)
    assert lineside.adopted.keras.KerasStyle is type(adopt(Monitor()))

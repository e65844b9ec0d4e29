from __future__ import annotations

import pytest

from lineside import every
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.errors import CallbackDefinitionError, OptionError
from lineside.testing import FakeRun


def test_functions_are_called_at_their_events() -> None:
    seen = []
    callback = LambdaCallback(
        on_setup=lambda run: seen.append("setup"),
        on_validation_end=lambda run: seen.append(run.metrics["val_loss"]),
        on_alert=lambda run, alert: seen.append(alert.title),
        name="mine",
    )
    run = FakeRun([callback])
    run.epoch_end(val_loss=0.3)
    run.alert("Too hot")
    run.emit("on_teardown")
    assert seen == ["setup", 0.3, "Too hot"]
    assert callback.name == "mine"


def test_a_function_may_carry_every() -> None:
    seen = []

    @every("2 epochs")
    def note(run) -> None:
        seen.append(run.epoch)

    FakeRun([LambdaCallback(on_epoch_end=note)]).play(4)
    assert seen == [1, 3]


def test_keras_a_misspelt_lambda_hook_is_accepted() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"on_epoch_ende is not a hook\. Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ende=lambda run: None)


def test_keras_functions_are_told_how_to_be_written() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"on_epoch_end\(run\)"):
        LambdaCallback(on_epoch_end=lambda epoch, logs: None)


def test_a_function_that_cannot_take_what_its_event_gives_is_refused() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"on_alert\(run, alert\)"):
        LambdaCallback(on_alert=lambda run: None)
    with pytest.raises(CallbackDefinitionError, match=r"LambdaCallback\(on_epoch_end=…\)"):
        LambdaCallback(on_epoch_end=lambda: None)


def test_two_functions_for_one_event_are_refused() -> None:
    with pytest.raises(CallbackDefinitionError, match="two functions for one event, on_val_end"):
        LambdaCallback(on_val_end=lambda run: None, on_validation_end=lambda run: None)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(OptionError, match="on_epoch_end='print' is no function"):
        LambdaCallback(on_epoch_end="print")


@pytest.mark.parametrize("options", [{}, {"name": "mine"}])
def test_without_a_hook_there_is_nothing_to_do(options) -> None:
    with pytest.raises(OptionError, match="needs at least one hook"):
        LambdaCallback(**options)


def test_common_options_are_checked() -> None:
    with pytest.raises(OptionError, match="on_error='ignore'"):
        LambdaCallback(on_epoch_end=lambda run: None, on_error="ignore")

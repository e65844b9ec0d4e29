from __future__ import annotations

import pickle
import re

import pytest

from lineside import events
from lineside.events import Event, event_of, unknown_hook

ALIASES = {
    "on_train_begin": Event.TRAIN_START,
    "on_epoch_begin": Event.EPOCH_START,
    "on_batch_begin": Event.BATCH_START,
    "on_train_batch_begin": Event.BATCH_START,
    "on_train_batch_start": Event.BATCH_START,
    "on_train_batch_end": Event.BATCH_END,
    "on_train_epoch_start": Event.EPOCH_START,
    "on_train_epoch_begin": Event.EPOCH_START,
    "on_validation_start": Event.VAL_START,
    "on_validation_begin": Event.VAL_START,
    "on_validation_batch_start": Event.VAL_BATCH_START,
    "on_validation_batch_end": Event.VAL_BATCH_END,
    "on_validation_end": Event.VAL_END,
    "on_evaluate_begin": Event.VAL_START,
    "on_evaluate_end": Event.VAL_END,
    "on_val_begin": Event.VAL_START,
    "on_test_batch_begin": Event.TEST_BATCH_START,
    "on_predict_begin": Event.PREDICT_START,
    "on_export_begin": Event.EXPORT_START,
    "on_pretrain_routine_end": Event.SETUP,
    "on_model_save": Event.CHECKPOINT,
    "setup": Event.SETUP,
    "teardown": Event.TEARDOWN,
}


@pytest.mark.parametrize("event", Event)
def test_every_hook_is_its_own_event(event: Event) -> None:
    assert event_of(event.hook) is event
    assert event.value == event.hook
    assert pickle.loads(pickle.dumps(event)) is event


@pytest.mark.parametrize(("method", "event"), ALIASES.items())
def test_an_alias_stands_for_the_event_of_the_same_meaning(method: str, event: Event) -> None:
    assert event_of(method) is event


@pytest.mark.parametrize(
    "method",
    ["on_epoch_ends", "on_begin", "on_", "", "_begin", "begin", "on_setup_begin", "setup_begin", "on_train_step_end"],
)
def test_the_table_of_aliases_is_closed(method: str) -> None:
    assert event_of(method) is None


def test_on_train_epoch_end_is_the_end_of_the_training_part() -> None:
    assert event_of("on_train_epoch_end") is Event.TRAIN_EPOCH_END


@pytest.mark.parametrize(
    ("method", "nearest"),
    [("on_epoch_ends", "on_epoch_end"), ("on_bach_end", "on_batch_end"), ("on_validation_ended", "on_validation_end")],
)
def test_an_unknown_hook_is_answered_with_the_nearest(method: str, nearest: str) -> None:
    sentence = unknown_hook(method)
    assert method in sentence
    assert f"Did you mean {nearest!r}?" in sentence


def test_batch_events_are_those_that_may_be_dropped() -> None:
    often = {event.hook for event in Event if event.per_batch}
    assert often == {
        *("on_batch_start", "on_backward_end", "on_step_end", "on_batch_end"),
        *(f"on_{stage}_batch_{point}" for stage in ("val", "test", "predict") for point in ("start", "end")),
    }


def test_three_events_carry_something() -> None:
    payloads = {event.hook: event.payload for event in Event if event.payload}
    assert payloads == {"on_checkpoint": "checkpoint", "on_alert": "alert", "on_exception": "error"}


def test_the_pseudocode_names_every_event_of_a_training() -> None:
    words = set(re.findall(r"[A-Z][A-Z_]+", events.__doc__ or ""))
    stages = ("TEST", "PREDICT", "EXPORT")
    assert {event.name for event in Event if not event.name.startswith(stages)} <= words

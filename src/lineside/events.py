"""The lifecycle of a run: every event, in order, and the names under which a hook may be written.

The loop as pseudocode; the words in capitals are the members of `Event`::

    SETUP                                     # model, optimizer and data exist; nothing ran yet
    TRAIN_START                               # state of a resumed run is restored
    for epoch in epochs:
        EPOCH_START                           # not repeated when a run resumes in mid-epoch
        for batch in batches:
            BATCH_START
            outputs, loss = forward(batch); backward(loss)
            BACKWARD_END                      # gradients are ready
            if accumulated enough and optimizer.step():
                STEP_END                      # run.step has advanced
            BATCH_END
            # safe point: agreed requests are applied if the optimizer stepped
        TRAIN_EPOCH_END
        VAL_START; (VAL_BATCH_START, VAL_BATCH_END) per batch; VAL_END     # also in mid-epoch on request
        EPOCH_END                             # the epoch, validation included
        FIT_EPOCH_END                         # when every callback has seen EPOCH_END
        # safe point
    TRAIN_END                                 # also after a stop
    TEARDOWN                                  # last, always

    CHECKPOINT    a checkpoint has been committed       ALERT    somebody raised an alert
    EXCEPTION     training failed; the error is raised again afterwards
"""

from __future__ import annotations

from enum import Enum
from typing import Self

from lineside.errors import nearest


class Event(Enum):
    """One point of the lifecycle. The value is the name of its hook."""

    hook: str
    payload: str | None
    per_batch: bool

    def __new__(cls, hook: str, payload: str | None = None, per_batch: bool = False) -> Self:
        """Store the hook as the value, and beside it the name of the hook's second parameter, if it has one."""
        member = object.__new__(cls)
        member._value_ = hook
        member.hook = hook
        member.payload = payload
        member.per_batch = per_batch
        return member

    SETUP = "on_setup"
    TRAIN_START = "on_train_start"
    EPOCH_START = "on_epoch_start"
    BATCH_START = "on_batch_start", None, True
    BACKWARD_END = "on_backward_end", None, True
    STEP_END = "on_step_end", None, True
    BATCH_END = "on_batch_end", None, True
    TRAIN_EPOCH_END = "on_train_epoch_end"
    VAL_START = "on_val_start"
    VAL_BATCH_START = "on_val_batch_start", None, True
    VAL_BATCH_END = "on_val_batch_end", None, True
    VAL_END = "on_val_end"
    EPOCH_END = "on_epoch_end"
    FIT_EPOCH_END = "on_fit_epoch_end"
    TRAIN_END = "on_train_end"
    TEST_START = "on_test_start"
    TEST_BATCH_START = "on_test_batch_start", None, True
    TEST_BATCH_END = "on_test_batch_end", None, True
    TEST_END = "on_test_end"
    PREDICT_START = "on_predict_start"
    PREDICT_BATCH_START = "on_predict_batch_start", None, True
    PREDICT_BATCH_END = "on_predict_batch_end", None, True
    PREDICT_END = "on_predict_end"
    EXPORT_START = "on_export_start"
    EXPORT_END = "on_export_end"
    CHECKPOINT = "on_checkpoint", "checkpoint"
    ALERT = "on_alert", "alert"
    EXCEPTION = "on_exception", "error"
    TEARDOWN = "on_teardown"


_IRREGULAR = {
    "on_train_epoch_start": "on_epoch_start",
    "on_pretrain_routine_end": "on_setup",
    "on_model_save": "on_checkpoint",
    "setup": "on_setup",
    "teardown": "on_teardown",
}
_PREFIXES = {"on_train_batch_": "on_batch_", "on_validation_": "on_val_", "on_evaluate_": "on_val_"}


def event_of(method: str) -> Event | None:
    """Return the event that a method name stands for, aliases of other frameworks included, or None.

    The table of aliases is closed: it holds the names of Keras, Lightning, Hugging Face and Ultralytics whose
    meaning is the same as ours.
    """
    name = method[: -len("_begin")] + "_start" if method.endswith("_begin") else method
    name = _IRREGULAR.get(name, name)
    for prefix, ours in _PREFIXES.items():
        if name.startswith(prefix):
            name = ours + name[len(prefix) :]
    try:
        return Event(name)
    except ValueError:
        return None


def unknown_hook(method: str) -> str:
    """Return a sentence that says what is wrong with a method name, with the nearest known hook."""
    aliases = [*_IRREGULAR, "on_train_batch_start", "on_train_batch_end", "on_validation_start", "on_validation_end"]
    known = [event.hook for event in Event] + [alias for alias in aliases if alias.startswith("on_")]
    return f"{method} is not a hook.{nearest(method, known)} All hooks are listed in lineside.events."

"""Callbacks of Keras: ``on_epoch_end(self, epoch, logs=None)``, `set_model`, `set_params`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ClassVar, Literal

from lineside.adopted.base import AdoptedCallback
from lineside.adopted.foreign import Function
from lineside.adopted.keras_logs import BatchLogs, epoch_logs, evaluation_logs
from lineside.adopted.keras_model import KerasModel
from lineside.events import Event
from lineside.ports import RunView

# What a hook is given before its logs, and the events it stands for: Keras' test is a validation within `fit` as well.
_Given = Literal["", "epoch", "batch"]
_HOOKS: Mapping[str, tuple[_Given, tuple[Event, ...]]] = {
    "on_train_begin": ("", (Event.TRAIN_START,)),
    "on_train_end": ("", (Event.TRAIN_END,)),
    "on_epoch_begin": ("epoch", (Event.EPOCH_START,)),
    "on_epoch_end": ("epoch", (Event.EPOCH_END,)),
    "on_train_batch_begin": ("batch", (Event.BATCH_START,)),
    "on_train_batch_end": ("batch", (Event.BATCH_END,)),
    "on_batch_begin": ("batch", (Event.BATCH_START,)),
    "on_batch_end": ("batch", (Event.BATCH_END,)),
    "on_test_begin": ("", (Event.VAL_START, Event.TEST_START)),
    "on_test_end": ("", (Event.VAL_END, Event.TEST_END)),
    "on_test_batch_begin": ("batch", (Event.VAL_BATCH_START, Event.TEST_BATCH_START)),
    "on_test_batch_end": ("batch", (Event.VAL_BATCH_END, Event.TEST_BATCH_END)),
    "on_predict_begin": ("", (Event.PREDICT_START,)),
    "on_predict_end": ("", (Event.PREDICT_END,)),
    "on_predict_batch_begin": ("batch", (Event.PREDICT_BATCH_START,)),
    "on_predict_batch_end": ("batch", (Event.PREDICT_BATCH_END,)),
}


class KerasStyle(AdoptedCallback):
    """Carries a callback of Keras.

    ``logs`` of a batch are the values of that batch, read when they are looked up; Keras gives running means. What the
    object adds to the ``logs`` of an epoch is logged.
    """

    # A validation is a test to Keras, so that a host without tests lacks nothing that the object must have.
    optional_hooks: ClassVar[frozenset[str]] = frozenset(
        event.hook for event in Event if event.hook.startswith("on_test_")
    )

    def _subscribe(self) -> None:
        self._refuse_unknown(list(_HOOKS))
        self._loaded: Any = None
        self._add(Event.TRAIN_START, self._tell_params)
        self._add(Event.EPOCH_START, self._tell_params)
        for name, functions in self._functions.items():
            # As in Keras, whose `on_train_batch_end` is what calls `on_batch_end`.
            if name.replace("on_", "on_train_", 1) in self._functions and name.startswith("on_batch_"):
                continue
            given, events = _HOOKS[name]
            for function in functions:
                self._check(name, function, [given, "logs"] if given else ["logs"])
                for event in events:
                    self._add(event, self._call(function, given, event))
        self._add(Event.TRAIN_START, self._load_again)

    def _begin(self, run: RunView) -> None:
        model = KerasModel(run, self.name)
        self._hand("model", model)
        self._tell_params(run)

    def _tell_params(self, run: RunView) -> None:
        self._meet(run)
        params = {"epochs": run.total_epochs, "steps": run.total_batches, "verbose": 0, **self._arguments}
        self._hand("params", params)

    def _hand(self, name: str, value: Any) -> None:
        """Give the object its model or params; functions have neither."""
        if callable(setter := getattr(self.foreign, f"set_{name}", None)):
            setter(value)
        elif not isinstance(self.foreign, (Mapping, FunctionType)):
            setattr(self.foreign, name, value)

    def _call(self, function: Function, given: _Given, event: Event) -> Callable[[RunView], None]:
        if event is Event.EPOCH_END:

            def at_epoch_end(run: RunView) -> None:
                logs = epoch_logs(run)
                names = {*logs, "learning_rate"}  # which is logged by every host
                function(run.epoch, logs)
                if added := {name: value for name, value in logs.items() if name not in names}:
                    run.log(added)

            return at_epoch_end
        logs_of = _logs_at(event)
        if given == "":
            return lambda run: function(logs_of(run))
        return lambda run: function(getattr(run, given), logs_of(run))

    # ---- state ---------------------------------------------------------------------------------------------------

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the object's state back, and once more behind ``on_train_begin``, where callbacks of Keras begin anew."""
        super().load_state_dict(state)
        self._loaded = copy.deepcopy(state.get("adopted"))

    def _load_again(self, run: RunView) -> None:
        if self._loaded is not None and self._state is not None:
            self._state.put(self._loaded)
        self._loaded = None


def _logs_at(event: Event) -> Callable[[RunView], Any]:
    """Return what gives the logs of an event; there are none where something begins."""
    stage = event.hook.split("_")[1] if event.hook.startswith(("on_val_", "on_test_", "on_predict_")) else "train"
    if event is Event.BATCH_END or event.hook.endswith("_batch_end"):
        return lambda run: BatchLogs(run.batch_metrics, stage)
    if event is Event.TRAIN_END:
        return epoch_logs
    if event in (Event.VAL_END, Event.TEST_END):
        return lambda run: evaluation_logs(run, stage)
    return lambda _run: {}

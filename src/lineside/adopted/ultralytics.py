"""Callbacks of Ultralytics: functions, dictionaries of functions, and objects with ``on_…(self, trainer)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lineside.adopted.base import AdoptedCallback
from lineside.adopted.foreign import Function
from lineside.adopted.ultralytics_trainer import UltralyticsTrainer
from lineside.events import Event
from lineside.ports import RunView

_HOOKS: Mapping[str, Event] = {
    "on_pretrain_routine_start": Event.SETUP,
    "on_pretrain_routine_end": Event.SETUP,
    "on_train_start": Event.TRAIN_START,
    "on_train_epoch_start": Event.EPOCH_START,
    "on_epoch_start": Event.EPOCH_START,
    "on_train_batch_start": Event.BATCH_START,
    "on_batch_start": Event.BATCH_START,
    "optimizer_step": Event.STEP_END,
    "on_before_zero_grad": Event.STEP_END,
    "on_train_batch_end": Event.BATCH_END,
    "on_batch_end": Event.BATCH_END,
    "on_train_epoch_end": Event.TRAIN_EPOCH_END,
    "on_val_start": Event.VAL_START,
    "on_val_batch_start": Event.VAL_BATCH_START,
    "on_val_batch_end": Event.VAL_BATCH_END,
    "on_val_end": Event.VAL_END,
    "on_epoch_end": Event.EPOCH_END,
    "on_fit_epoch_end": Event.FIT_EPOCH_END,
    "on_model_save": Event.CHECKPOINT,
    "on_train_end": Event.TRAIN_END,
    "on_predict_start": Event.PREDICT_START,
    "on_predict_batch_start": Event.PREDICT_BATCH_START,
    "on_predict_batch_end": Event.PREDICT_BATCH_END,
    "on_predict_end": Event.PREDICT_END,
    "on_export_start": Event.EXPORT_START,
    "on_export_end": Event.EXPORT_END,
    "teardown": Event.TEARDOWN,
}


class UltralyticsStyle(AdoptedCallback):
    """Carries callbacks of Ultralytics."""

    _absent: Mapping[str, str] = {
        "on_params_update": "no host tells of changed parameters",
        "on_predict_postprocess_end": "only the predictor of Ultralytics has that point; use on_predict_batch_end",
    }

    def _subscribe(self) -> None:
        self._refuse_unknown(list(_HOOKS))
        # In the order of the table, as two of them may stand for one event.
        for name, event in _HOOKS.items():
            for function in self._functions.get(name, ()):
                self._check(name, function, ["trainer"])
                self._add(event, self._call(function))

    def _begin(self, run: RunView) -> None:
        self._trainer = UltralyticsTrainer(run, self.name, self._arguments)

    def _call(self, function: Function) -> Callable[..., None]:
        def call(run: RunView, *_payload: Any) -> None:
            self._meet(run)
            function(self._trainer)

        return call

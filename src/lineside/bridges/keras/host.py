"""What `model.fit` emits and can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineside.backends.keras.engines import REASONS
from lineside.backends.keras.host import KerasHost
from lineside.bridges.keras.lookout import Lookout
from lineside.events import Event
from lineside.ports import Capabilities

_MISSING = {
    Event.BACKWARD_END: "Keras computes gradients inside of its train step and shows them to nobody",
    Event.EXPORT_START: "Keras exports by a method of the model, which tells nobody",
    Event.EXPORT_END: "Keras exports by a method of the model, which tells nobody",
}
CAPABILITIES = Capabilities(
    frozenset(Event) - frozenset(_MISSING),
    frozenset({"model", "set_lr", "schedule_lr", "restore", "pause"}),
    {
        **REASONS,
        **{event.hook: why for event, why in _MISSING.items()},
        "gradients": _MISSING[Event.BACKWARD_END],
        "batch_data": "Keras shows callbacks neither batches nor outputs",
        "validate": "fit validates at the end of an epoch and at no other time",
        "rehearse": "Keras' loop cannot go back within an epoch",
        "trials": "Keras' train step belongs to fit",
        "update_bn": "the training data belongs to fit",
        "resume_in_epoch": "fit cannot enter the batches of an epoch in their middle",
    },
)


class FitHost(KerasHost):
    """A compiled model in `fit`, `evaluate` or `predict`.

    Args:
        model: a compiled `keras.Model`.
    """

    def __init__(self, model: Any) -> None:
        super().__init__("keras", CAPABILITIES, model, model.optimizer)
        self._lookout: Lookout | None = None

    def look_out(self, failed: Callable[[BaseException], None], step: str) -> None:
        """Have failures told: those of a step, such as ``train_function``, and of the process, until the run closes."""
        if self._lookout is None:
            self._lookout = Lookout(self.model.module, failed)
        self._lookout.watch(step)

    def unwatch(self) -> None:
        """The run is closed: look out no longer."""
        if self._lookout is not None:
            self._lookout.remove()
            self._lookout = None

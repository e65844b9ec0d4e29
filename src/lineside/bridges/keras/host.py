"""What `model.fit` emits and can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineside.backends.keras.engines import REASONS, UNSEEN, gradient_tap, on_backend, why_unseen
from lineside.backends.keras.host import KerasHost
from lineside.backends.keras.saved_model import why_no_saved_model
from lineside.bridges.keras.lookout import Lookout
from lineside.events import Event
from lineside.ports import Capabilities

_MISSING = {
    Event.EXPORT_START: "Keras exports by a method of the model, which tells nobody",
    Event.EXPORT_END: "Keras exports by a method of the model, which tells nobody",
}
_DECLARED = Capabilities(
    frozenset(Event) - frozenset(_MISSING) - {Event.BACKWARD_END},
    frozenset({"model", "set_lr", "schedule_lr", "restore", "pause"}),
    {
        **REASONS,
        **{event.hook: why for event, why in _MISSING.items()},
        "batch_data": "Keras shows callbacks neither batches nor outputs",
        "validate": "fit validates at the end of an epoch and at no other time",
        "rehearse": "Keras' loop cannot go back within an epoch",
        "trials": "Keras' train step belongs to fit",
        "update_bn": "the training data belongs to fit",
        "resume_in_epoch": "fit cannot enter the batches of an epoch in their middle",
    },
)
CAPABILITIES = on_backend(_DECLARED, unseen=UNSEEN.format("lineside.keras"), unsaved=None)
"""On TensorFlow, unless callbacks are to see gradients."""


class FitHost(KerasHost):
    """A compiled model in `fit`, `evaluate` or `predict`.

    Args:
        model: a compiled `keras.Model`.
        gradients: whether callbacks are to see the gradients of a step that TensorFlow compiles.
        trains: in `fit`.
    """

    def __init__(self, model: Any, *, gradients: bool = False, trains: bool = False) -> None:
        compiled = trains and model.jit_compile
        unseen = why_unseen("lineside.keras", asked=gradients, compiled=compiled)
        declared = on_backend(_DECLARED, unseen=unseen, unsaved=why_no_saved_model())
        tap = gradient_tap(model, model.optimizer, declared) if trains else None
        super().__init__("keras", declared, model, model.optimizer, tap=tap)
        self._lookout: Lookout | None = None
        self._copies = False

    def watch(
        self, gradients_ready: Callable[..., None] | None, stepped: Callable[..., None]
    ) -> Callable[[], None] | None:
        """Look at gradients, if somebody wants to see them; a step that was compiled before is compiled anew."""
        told = super().watch(gradients_ready, stepped)
        if told is not None:
            self._copies = True
            self._module.make_train_function(force=True)
        return told

    def look_out(self, failed: Callable[[BaseException], None], step: str) -> None:
        """Have failures told: those of a step, such as ``train_function``, and of the process, until the run closes."""
        if self._lookout is None:
            self._lookout = Lookout(self.model.module, failed)
        self._lookout.watch(step)

    def unwatch(self) -> None:
        """The run is closed: look out no longer, and let the next training have a step that copies nothing."""
        super().unwatch()
        if self._lookout is not None:
            self._lookout.remove()
            self._lookout = None
        if self._copies:
            self._copies = False
            self._module.train_function = None

"""Loops of one's own over Keras models, and what they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lineside.backends.keras.host import KerasHost
from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import Capabilities, Capability

_FREEZE = "Keras compiles its train step for the layers that are trainable then: set layer.trainable before that"
REASONS: Mapping[str, str] = {
    "average": "optimizers of Keras keep an average themselves: give yours use_ema=True, or add "
    "keras.callbacks.SwapEMAWeights",
    "freeze": _FREEZE,
    "profile": "use the backend's own profiler; on TensorFlow keras.callbacks.TensorBoard(profile_batch=…)",
}
"""Why no host of a Keras model has these abilities."""

_MISSING = frozenset({Event.BACKWARD_END, Event.EXPORT_START, Event.EXPORT_END})
_GRADIENTS = "the gradients of a loop of one's own are in nobody's hands but its own"
_ABILITIES: frozenset[Capability] = frozenset(
    {"model", "set_lr", "schedule_lr", "restore", "resume_in_epoch", "pause", "batch_data"}
)


def loop_host(
    model: Any, optimizer: Any, scheduler: Any, extras: Mapping[str, Any], validate: Callable[[], None] | None
) -> KerasHost:
    """Return the host of a hand-written loop, which tells its steps by `Run.stepped`.

    Raises:
        OptionError: there are several models or optimizers, or a scheduler.
    """
    if isinstance(model, Mapping) or isinstance(optimizer, (Mapping, list, tuple)):
        raise OptionError(
            "Run(model=…) takes one keras.Model and one optimizer of Keras. Let several models be attributes of one."
        )
    if scheduler is not None:
        raise OptionError(
            f"Run(scheduler={type(scheduler).__name__}) is for schedulers of torch: an optimizer of Keras takes its "
            "schedule itself, or give the callback 'lr-scheduler' a function."
        )
    own = "a loop of one's own makes its steps itself; only the Trainer can try one and take it back"
    why = {
        **REASONS,
        Event.BACKWARD_END.hook: _GRADIENTS,
        Event.EXPORT_START.hook: "a loop of one's own exports by itself",
        Event.EXPORT_END.hook: "a loop of one's own exports by itself",
        "gradients": _GRADIENTS,
        "validate": "pass validate=, a function that runs a validation, to Run",
        "rehearse": own,
        "trials": own,
        "update_bn": "a loop of one's own knows alone how data goes through the model",
    }
    abilities: frozenset[Capability] = _ABILITIES | {"validate"} if validate is not None else _ABILITIES
    capabilities = Capabilities(
        frozenset(Event) - _MISSING, abilities, {name: reason for name, reason in why.items() if name not in abilities}
    )
    return KerasHost("loop", capabilities, model, optimizer, validate, extras)

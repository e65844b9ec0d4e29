"""Loops of one's own over Keras models, and what they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lineside.backends.keras.gradients import GradientTap
from lineside.backends.keras.host import KerasHost
from lineside.backends.keras.saved_model import why_no_saved_model
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

UNSEEN = (
    "TensorFlow compiles the step, and what it computes is gone when the step is over: pass gradients=True to {}, and "
    "each step leaves a copy of its gradients and weights"
)
"""Why TensorFlow shows no gradients."""
_EXPORTS = frozenset({Event.EXPORT_START, Event.EXPORT_END})
_ABILITIES: frozenset[Capability] = frozenset(
    {"model", "set_lr", "schedule_lr", "restore", "resume_in_epoch", "pause", "batch_data"}
)


def why_unseen(where: str, *, asked: bool, compiled: bool = False) -> str | None:
    """Return why callbacks see no gradients on the backend of this process; None if they see them.

    Args:
        where: what takes ``gradients=True``.
        asked: whether it was given.
        compiled: on torch, whether the step goes through `torch.compile`.

    Raises:
        OptionError: it was given, and nothing can show them.
    """
    from keras import backend

    reason = None
    match backend.backend():
        case "tensorflow":
            return None if asked else UNSEEN.format(where)
        case "torch":
            if compiled:
                reason = "jit_compile=True has torch compile the step, gradients included: leave it out"
        case name:
            reason = f"the step is a compiled function of its inputs on {name}, and its gradients never leave it"
    if reason is not None and asked:
        raise OptionError(f"{where}(gradients=True) is not possible: {reason}.")
    return reason


def on_backend(had: Capabilities, *, unseen: str | None, unsaved: str | None) -> Capabilities:
    """Add to what a host declares what its backend decides.

    Args:
        had: everything else.
        unseen: why callbacks see no gradients; None if they do.
        unsaved: why there is no SavedModel; None if there is.
    """
    point = Event.BACKWARD_END
    missing = {"gradients": unseen, point.hook: unseen, "saved_model": unsaved}
    reasons = {name: reason for name, reason in missing.items() if reason is not None}
    able: set[Capability] = {"gradients", "saved_model"}
    return replace(
        had,
        events=had.events | ({point} if unseen is None else set()),
        abilities=had.abilities | (able - reasons.keys()),
        reasons={**had.reasons, **reasons},
    )


def gradient_tap(model: Any, optimizer: Any, declared: Capabilities) -> GradientTap | None:
    """Return what shows the gradients with which an optimizer steps; None if nobody may see them."""
    from keras import backend

    if optimizer is None or "gradients" not in declared.abilities:
        return None
    return GradientTap(model, optimizer, compiled=backend.backend() == "tensorflow")


def loop_host(
    model: Any,
    optimizer: Any,
    scheduler: Any,
    extras: Mapping[str, Any],
    validate: Callable[[], None] | None,
    *,
    gradients: bool = False,
) -> KerasHost:
    """Return the host of a hand-written loop, which tells its steps by `Run.stepped`.

    Raises:
        OptionError: there are several models or optimizers, or a scheduler; `gradients` is asked for on JAX.
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
        Event.EXPORT_START.hook: "a loop of one's own exports by itself",
        Event.EXPORT_END.hook: "a loop of one's own exports by itself",
        "validate": "pass validate=, a function that runs a validation, to Run",
        "rehearse": "what Keras trains is not taken back",
        "trials": own,
        "update_bn": "a loop of one's own knows alone how data goes through the model",
    }
    abilities: frozenset[Capability] = _ABILITIES | {"validate"} if validate is not None else _ABILITIES
    capabilities = Capabilities(
        frozenset(Event) - _EXPORTS - {Event.BACKWARD_END},
        abilities,
        {name: reason for name, reason in why.items() if name not in abilities},
    )
    unseen = why_unseen("Run", asked=gradients)
    whole = on_backend(capabilities, unseen=unseen, unsaved=why_no_saved_model())
    return KerasHost("loop", whole, model, optimizer, validate, extras, gradient_tap(model, optimizer, whole))

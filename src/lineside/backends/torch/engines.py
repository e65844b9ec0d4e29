"""The two engines that stand on PyTorch directly, and what each declares: the native trainer and hand-written loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from lineside.backends.torch.batch_norm import tracking
from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.model import NO_SAVED_MODEL
from lineside.backends.torch.modes import modules_of
from lineside.backends.torch.stepping import Optimization
from lineside.events import Event
from lineside.ports import Capabilities, Capability
from lineside.trials import Trials

_ABILITIES: frozenset[Capability] = frozenset(
    {
        "model",
        "gradients",
        "set_lr",
        "schedule_lr",
        "average",
        "freeze",
        "rehearse",
        "restore",
        "resume_in_epoch",
        "pause",
        "batch_data",
        "profile",
    }
)
_EXPORTS = frozenset({Event.EXPORT_START, Event.EXPORT_END})


def trainer_host(
    model: Any,
    optimization: Optimization,
    metrics: Mapping[str, Any],
    validate: Callable[[], None] | None,
    forward: Callable[[], None] | None,
    trials: Callable[[], AbstractContextManager[Trials]],
    *,
    announces_steps: bool,
) -> TorchHost:
    """Return the host of the native trainer, which emits every event."""
    why = {
        "validate": "this fit has no validation data: pass val_loader=",
        "update_bn": "only your step= knows how data goes through the model: give update_bn=False",
        "saved_model": f"{NO_SAVED_MODEL}: call trainer.export() for torch.export or ONNX",
    }
    return TorchHost(
        "trainer",
        Capabilities(frozenset(Event), _abilities(model, validate, forward) | {"trials"}, why),
        model,
        optimization.optimizers,
        schedulers=[optimization.scheduler] if optimization.scheduler is not None else [],
        scaler=optimization.scaler,
        metrics=metrics,
        validate=validate,
        forward=forward,
        trials=trials,
        announces_steps=announces_steps,
    )


def loop_host(
    model: Any, optimizer: Any, scheduler: Any, extras: Mapping[str, Any], validate: Callable[[], None] | None
) -> TorchHost:
    """Return the host of a hand-written loop: gradients are announced at the optimizer's step, exports not at all."""
    why = dict.fromkeys((event.hook for event in _EXPORTS), "a loop of one's own exports by itself")
    why["validate"] = "pass validate=, a function that runs a validation, to Run"
    why["update_bn"] = (
        "a loop of one's own knows alone how data goes through the model; give update_bn=False, and call "
        "torch.optim.swa_utils.update_bn(loader, model) after the training"
    )
    why["saved_model"] = NO_SAVED_MODEL
    why["trials"] = "a loop of one's own makes its steps itself; only the Trainer can try one and take it back"
    schedulers: Sequence[Any] = scheduler if isinstance(scheduler, (list, tuple)) else [scheduler] if scheduler else []
    return TorchHost(
        "loop",
        Capabilities(frozenset(Event) - _EXPORTS, _abilities(model, validate, None), why),
        model,
        optimizer if optimizer is not None else [],
        schedulers=schedulers,
        extras=extras,
        validate=validate,
        announces_gradients=True,
        announces_steps=True,
    )


def _abilities(
    model: Any, validate: Callable[[], None] | None, forward: Callable[[], None] | None
) -> frozenset[Capability]:
    abilities = set(_ABILITIES)
    if validate is not None:
        abilities.add("validate")
    # A model without BatchNorm has nothing to be updated, which anybody can do.
    if forward is not None or not any(tracking(layer) for part in modules_of(model) for layer in part.modules()):
        abilities.add("update_bn")
    return frozenset(abilities)

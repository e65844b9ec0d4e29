"""The two engines that stand on PyTorch directly, and what each declares: the native trainer and hand-written loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.stepping import Optimization
from lineside.events import Event
from lineside.ports import Capabilities, Capability

_ABILITIES: frozenset[Capability] = frozenset(
    {"model", "gradients", "set_lr", "schedule_lr", "restore", "pause", "batch_data"}
)
_EXPORTS = frozenset({Event.EXPORT_START, Event.EXPORT_END})


def trainer_host(
    model: Any,
    optimization: Optimization,
    metrics: Mapping[str, Any],
    validate: Callable[[], None] | None,
    *,
    announces_steps: bool,
) -> TorchHost:
    """Return the host of the native trainer, which emits every event."""
    why = {"validate": "this fit has no validation data: pass val_loader="}
    return TorchHost(
        "trainer",
        _capabilities(frozenset(Event), validate, why),
        model,
        optimization.optimizers,
        schedulers=[optimization.scheduler] if optimization.scheduler is not None else [],
        scaler=optimization.scaler,
        metrics=metrics,
        validate=validate,
        announces_steps=announces_steps,
    )


def loop_host(
    model: Any, optimizer: Any, scheduler: Any, extras: Mapping[str, Any], validate: Callable[[], None] | None
) -> TorchHost:
    """Return the host of a hand-written loop: gradients are announced at the optimizer's step, exports not at all."""
    why = dict.fromkeys((event.hook for event in _EXPORTS), "a loop of one's own exports by itself")
    why["validate"] = "pass validate=, a function that runs a validation, to Run"
    schedulers: Sequence[Any] = scheduler if isinstance(scheduler, (list, tuple)) else [scheduler] if scheduler else []
    return TorchHost(
        "loop",
        _capabilities(frozenset(Event) - _EXPORTS, validate, why),
        model,
        optimizer if optimizer is not None else [],
        schedulers=schedulers,
        extras=extras,
        validate=validate,
        announces_gradients=True,
        announces_steps=True,
    )


def _capabilities(
    events: frozenset[Event], validate: Callable[[], None] | None, reasons: Mapping[str, str]
) -> Capabilities:
    validates: frozenset[Capability] = frozenset({"validate"}) if validate is not None else frozenset()
    return Capabilities(events, _ABILITIES | validates, reasons)

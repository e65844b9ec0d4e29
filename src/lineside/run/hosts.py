"""Which backend a hand-written loop stands on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from lineside.errors import OptionError
from lineside.ports import Host
from lineside.run.plain_host import PlainHost


def host_for_loop(
    model: Any,
    optimizer: Any,
    scheduler: Any,
    extras: Mapping[str, Any],
    validate: Callable[[], None] | None,
    *,
    gradients: bool = False,
) -> Host:
    """Return the host for a loop over a model; without a model, one that only watches.

    Raises:
        OptionError: the model is of a library that is not known here, or gradients are asked for without a model.
    """
    if model is None:
        if optimizer is not None or scheduler is not None:
            raise OptionError("Run(optimizer=…) needs model= as well: a checkpoint holds both.")
        if gradients:
            raise OptionError("Run(gradients=True) needs model= and optimizer=: the gradients are theirs.")
        return PlainHost(validate)
    modules = list(model.values()) if isinstance(model, Mapping) else [model]
    if _is_of_keras(modules, optimizer):
        from lineside.backends.keras import engines

        return engines.loop_host(model, optimizer, scheduler, extras, validate, gradients=gradients)
    torch = sys.modules.get("torch")
    if torch is not None and all(isinstance(module, torch.nn.Module) for module in modules):
        from lineside.backends.torch.engines import loop_host

        host: Host = loop_host(model, optimizer, scheduler, extras, validate)
        return host
    raise OptionError(
        f"Run(model=…) got a {type(modules[0]).__module__}.{type(modules[0]).__name__}; it takes a torch.nn.Module "
        "or a dict of them, or a keras.Model. Without model= a run still logs, watches and stops."
    )


def _is_of_keras(modules: list[Any], optimizer: Any) -> bool:
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is None or not any(isinstance(module, keras.Model) for module in modules):
        return False
    # On torch a model of Keras is a module of torch as well, which an optimizer of torch may train.
    of_torch = torch is not None and all(isinstance(module, torch.nn.Module) for module in modules)
    return not of_torch or optimizer is None or isinstance(optimizer, keras.optimizers.Optimizer)

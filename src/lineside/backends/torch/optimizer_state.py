"""What optimizers remember, taken and put back bit for bit, and checked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lineside.backends.torch.optimizers import dotted
from lineside.backends.torch.tensors import copied
from lineside.backends.tree import flatten, unflatten
from lineside.errors import StateMismatch


def capture(optimizers: Mapping[str, Optimizer], names: Mapping[int, str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Copy the state of optimizers.

    Args:
        optimizers: by name.
        names: names of the model's parameters, by the `id` of the parameter; the optimizer knows only their order, and
            a state that is put back in another order would go unnoticed.

    Returns:
        A document, and the tensors that it refers to: ``state.0.exp_avg``, or ``generator.state.0.exp_avg``.
    """
    document: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for name, optimizer in optimizers.items():
        plain, found = flatten(optimizer.state_dict(), torch.is_tensor)
        tensors.update(copied({dotted(name) + key: tensor for key, tensor in found.items()}))
        document[name] = {"kind": type(optimizer).__name__, "parameters": _parameters(optimizer, names), "state": plain}
    return document, tensors


def check(document: Mapping[str, Any], optimizers: Mapping[str, Optimizer], names: Mapping[int, str]) -> None:
    """Tell whether a state fits, without changing anything.

    Raises:
        StateMismatch: the optimizers, their classes, groups or parameters are others than when the state was taken.
    """
    if document.keys() != optimizers.keys():
        raise StateMismatch(f"The checkpoint holds {_optimizers(document)}; this run has {_optimizers(optimizers)}.")
    for name, optimizer in optimizers.items():
        saved, here = document[name], _parameters(optimizer, names)
        kind, title = type(optimizer).__name__, f"optimizer {name!r}" if name else "optimizer"
        if saved["kind"] != kind:
            raise StateMismatch(f"The checkpoint was made with the {title} {saved['kind']}; this run has {kind}.")
        if len(saved["parameters"]) != len(here):
            raise StateMismatch(
                f"The {title} has {len(here)} parameter groups; the checkpoint was made with "
                f"{len(saved['parameters'])}. Build the groups as they were, also those that were added in the course "
                "of training."
            )
        for index, (then, now) in enumerate(zip(saved["parameters"], here, strict=True)):
            if then != now:
                raise StateMismatch(f"Parameter group {index} of the {title} is another: {_difference(then, now)}.")


def restore(
    document: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    optimizers: Mapping[str, Optimizer],
    *,
    keep_options: bool = False,
) -> None:
    """Put a state back that `check` has passed.

    Args:
        document: from `capture`.
        tensors: those that it refers to.
        optimizers: by name.
        keep_options: leave the options of the groups as they are now: rates, betas, decay, which schedules govern.
    """
    for name, optimizer in optimizers.items():
        prefix = dotted(name)
        own = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
        state = unflatten(document[name]["state"], own)
        if keep_options:
            state = {**state, "param_groups": optimizer.state_dict()["param_groups"]}
        _restore(optimizer, state)


def _restore(optimizer: Optimizer, state: dict[str, Any]) -> None:
    before = list(optimizer.param_groups)
    indices = chain.from_iterable(group["params"] for group in state["param_groups"])
    by_index = dict(zip(indices, _all_parameters(optimizer), strict=True))
    laid_out = {
        key: _laid_out(value, by_index[key]) if key in by_index else value for key, value in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": laid_out})
    for index, value in laid_out.items():
        if index in by_index:
            optimizer.state[by_index[index]] = _exact(optimizer.state[by_index[index]], value)
    for old, new in zip(before, optimizer.param_groups, strict=True):
        _keep_tensors(old, new)


def _laid_out(value: Any, parameter: Tensor) -> Any:
    """Give tensors of the parameter's shape its strides too, without which the fast kernels would be left."""
    if isinstance(value, Tensor):
        if value.shape != parameter.shape:
            return value.clone()
        return torch.empty_like(parameter, dtype=value.dtype, device=value.device, requires_grad=False).copy_(value)
    if isinstance(value, dict):
        return {key: _laid_out(item, parameter) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_laid_out(item, parameter) for item in value)
    return value


def _exact(loaded: Any, saved: Any) -> Any:
    """Undo what `Optimizer.load_state_dict` does: it casts all floating-point state to the parameter's dtype."""
    if isinstance(saved, Tensor):
        return loaded if loaded.dtype == saved.dtype else saved.to(loaded.device)
    if isinstance(saved, dict):
        return {key: _exact(loaded[key], item) for key, item in saved.items()}
    if isinstance(saved, (list, tuple)):
        return type(saved)(_exact(one, item) for one, item in zip(loaded, saved, strict=True))
    return saved


def _keep_tensors(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Keep the tensors of a group (a learning rate on the device), which schedulers and captured graphs refer to."""
    for key, value in old.items():
        if key != "params" and isinstance(value, Tensor) and isinstance(new.get(key), Tensor):
            new[key] = value.copy_(new[key])


def _all_parameters(optimizer: Optimizer) -> Iterator[Tensor]:
    return chain.from_iterable(group["params"] for group in optimizer.param_groups)


def _parameters(optimizer: Optimizer, names: Mapping[int, str]) -> list[list[list[Any]]]:
    """Name and shape of each parameter, per group; a parameter that is not the model's has no name."""
    return [[[names.get(id(one)), list(one.shape)] for one in group["params"]] for group in optimizer.param_groups]


def _optimizers(found: Mapping[str, Any]) -> str:
    if not found:
        return "no optimizer"
    return "a single optimizer" if list(found) == [""] else f"optimizers {', '.join(found)}"


def _difference(then: list[list[Any]], now: list[list[Any]]) -> str:
    if len(then) != len(now):
        return f"it has {len(now)} parameters, the checkpoint was made with {len(then)}"
    place = next(index for index, pair in enumerate(zip(then, now, strict=True)) if pair[0] != pair[1])
    return f"parameter {place} is {_described(now[place])}, the checkpoint was made with {_described(then[place])}"


def _described(parameter: list[Any]) -> str:
    name, shape = parameter
    return f"{name or 'one outside of the model'} of shape {tuple(shape)}"

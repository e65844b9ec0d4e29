"""The model port over PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from lineside.backends.torch import norms
from lineside.backends.torch.confusion import confusion
from lineside.backends.torch.profiling import TorchProfiling
from lineside.backends.torch.slots import Slot, modules, slots
from lineside.backends.torch.tensors import copied
from lineside.errors import MissingDependency, OptionError, RequestRefused, RunStateError, StateMismatch

_LAZY = (UninitializedParameter, UninitializedBuffer)
NO_SAVED_MODEL = "a SavedModel holds a graph of TensorFlow, and the model is one of torch"
"""Why hosts on torch write none."""
_LISTED = 5
"""How many names an error lists before it only counts them."""


class TorchModel:
    """One module, or several by name, as a `ModelPort`.

    Names are those of the bare model's ``state_dict()``: what DDP or ``torch.compile`` put in front is left out.
    Several modules are told apart by their names: ``generator.conv.weight``. A tensor that two modules share stands
    once, under its first name; `aliases` has the others.

    Args:
        model: the module, or modules by name.

    Raises:
        OptionError: it is neither.
    """

    def __init__(self, model: nn.Module | Mapping[str, nn.Module]) -> None:
        parts = {"": model} if isinstance(model, nn.Module) else {f"{name}.": part for name, part in model.items()}
        for part in parts.values():
            if not isinstance(part, nn.Module):
                raise OptionError(
                    f"model= takes a torch.nn.Module, or a dict of them by name, not a {type(part).__name__}."
                )
        self.module: Any = model
        self._parts = parts
        self._raw: dict[str, Tensor] | None = None

    confusion = staticmethod(confusion)

    def slots(self) -> Iterator[Slot]:
        """Yield every place in the model that holds a tensor."""
        for prefix, part in self._parts.items():
            yield from slots(part, prefix)

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield all modules with their names as prefixes."""
        for prefix, part in self._parts.items():
            yield from modules(part, prefix)

    def parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield names and trainable parameters, tied ones once."""
        for slot in self.first_slots():
            if slot.role == "parameter" and slot.tensor.requires_grad:
                yield slot.name, slot.tensor

    def gradients(self) -> Iterator[tuple[str, Tensor]]:
        """Yield names and gradients of the parameters that have one; shapes as the parameters', sparse ones too."""
        for name, parameter in self.parameters():
            if parameter.grad is not None:
                yield name, parameter.grad

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the L2 norm per parameter or group, as scalars on their device; see `lineside.ports.ModelPort`."""
        named = self.parameters() if of == "parameters" else self.gradients()
        found = norms.norms(named) if since is None else norms.changes(named, since)
        return found if by is None else norms.grouped(found, by)

    def profile(
        self,
        step: int,
        first: int,
        *,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
    ) -> TorchProfiling:
        """Start torch's profiler; see `lineside.profiling.Profiles`. Raises `RunStateError` if one is at work."""
        return TorchProfiling(
            step, first, record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack
        )

    def values(self, tensor: Tensor) -> Any:
        """Return the elements of a tensor as a flat NumPy array of float64; waits for the device.

        Raises:
            MissingDependency: NumPy is not installed.
        """
        try:
            import numpy as np  # noqa: F401 - torch alone does not bring it
        except ImportError:
            raise MissingDependency("Reading the values of a tensor", "NumPy", "torch") from None
        dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
        # First to the CPU: Apple's devices have no float64.
        return dense.cpu().to(torch.float64).flatten().numpy()

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters and persistent buffers that are in the model now, tied ones once; not copied."""
        return {slot.name: slot.tensor for slot in self.first_slots() if slot.role != "scratch"}

    def aliases(self) -> dict[str, str]:
        """Return the further names of tied tensors, with the name under which each is stored."""
        names: dict[Any, str] = {}
        return {
            slot.name: first
            for slot in self.slots()
            if (first := names.setdefault(slot.identity, slot.name)) != slot.name
        }

    def export_saved_model(self, path: Path) -> NoReturn:
        """Refused."""
        raise RequestRefused(f"{path} cannot be written: {NO_SAVED_MODEL}.")

    def capture(self) -> dict[str, Tensor]:
        """Return a copy of all weights and persistent buffers, on their devices, tied ones once."""
        return copied(self.weights())

    def raw(self) -> dict[str, Tensor]:
        """Return a copy of the model's own weights, also while others are swapped in."""
        return self.capture() if self._raw is None else dict(self._raw)

    def check(self, weights: Mapping[str, Tensor], *, dtypes: bool = False, partial: bool = False) -> None:
        """Tell whether weights fit, without changing anything.

        Args:
            weights: tensors by name; tied ones under any of their names.
            dtypes: ask for equal dtypes too, without which a restored run does not go on bit for bit.
            partial: some may be missing.

        Raises:
            StateMismatch: naming what is missing, unknown, or of another shape.
        """
        self._matched(weights, dtypes=dtypes, partial=partial)

    def load(self, weights: Mapping[str, Tensor], *, partial: bool = False) -> None:
        """Put captured weights and buffers back, in place; nothing is changed if they do not fit.

        Args:
            weights: tensors by name; tied ones under any of their names.
            partial: some may be missing, and stay as they are.

        Raises:
            StateMismatch: see `check`.
            RunStateError: other weights are swapped in, which would be put over these at the end.
        """
        if self._raw is not None:
            raise RunStateError("Weights cannot be loaded while others are swapped in: leave model.swapped() first.")
        self._put(weights, partial=partial)

    @contextmanager
    def swapped(self, weights: Mapping[str, Tensor]) -> Iterator[None]:
        """Put other weights into the model for a while; at the end all weights and buffers are as before.

        Args:
            weights: tensors by name; what is missing keeps its value.

        Raises:
            StateMismatch: a name or shape does not fit; nothing was changed.
            RunStateError: others are swapped in already.
        """
        if self._raw is not None:
            raise RunStateError("Other weights are swapped in already: leave the outer model.swapped() first.")
        self.check(weights, partial=True)
        self._raw = raw = self.capture()
        try:
            self._put(weights, partial=True)
            yield
        finally:
            self._raw = None
            self._put(raw)

    def first_slots(self) -> Iterator[Slot]:
        """Yield the first place of every tensor; the further names of tied ones are left out."""
        seen = set()
        for slot in self.slots():
            if slot.identity not in seen:
                seen.add(slot.identity)
                yield slot

    def _put(self, weights: Mapping[str, Tensor], *, partial: bool = False) -> None:
        with torch.no_grad():
            for here, given in self._matched(weights, partial=partial):
                if isinstance(here, _LAZY):
                    here.materialize(given.shape)
                here.copy_(given)

    def _matched(
        self, weights: Mapping[str, Tensor], *, dtypes: bool = False, partial: bool = False
    ) -> list[tuple[Tensor, Tensor]]:
        """Pair the model's tensors with those given."""
        known = {slot.name: slot.tensor for slot in self.slots() if slot.role != "scratch"}
        aliases = self.aliases()
        given = {aliases.get(name, name) for name in weights}
        missing = [] if partial else [name for name in known if aliases.get(name, name) not in given]
        unknown = [name for name in weights if name not in known]
        other = [
            f"{name} ({_kind(tensor)} given, {_kind(known[name])} in the model)"
            for name, tensor in weights.items()
            if name in known and _differs(tensor, known[name], dtypes=dtypes)
        ]
        if missing or unknown or other:
            wrong = {"missing": missing, "not in the model": unknown, "different": other}
            text = "; ".join(f"{what}: {_listed(names)}" for what, names in wrong.items() if names)
            raise StateMismatch(
                f"The weights do not fit the model, and nothing was changed. {text[0].upper()}{text[1:]}."
            )
        return [(known[name], tensor) for name, tensor in weights.items()]


def _differs(given: Tensor, here: Tensor, *, dtypes: bool) -> bool:
    if isinstance(here, _LAZY):
        return False  # it takes the shape that it is given
    return given.shape != here.shape or (dtypes and given.dtype != here.dtype)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more

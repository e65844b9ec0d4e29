"""A Keras model and its optimizer, as the engine that callbacks live in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from lineside.backends.keras import generators, variables, weight_files
from lineside.backends.keras.gradients import GradientTap
from lineside.backends.keras.model import KerasModel
from lineside.backends.keras.rates import KerasRates
from lineside.backends.keras.source import ReplayedSource, batch_size
from lineside.errors import OptionError, RequestRefused, RunStateError, StateMismatch
from lineside.metrics import Scalar
from lineside.ports import BatchSource, Capabilities, HostState, SavedState, Stage, TensorWriter

_GENERATORS = "rank-0/generators.json"
_MODEL, _OPTIMIZER = "model.safetensors", "optimizer.safetensors"
_MODEL_ORDER, _OPTIMIZER_ORDER, _RATES = "model.json", "optimizer.json", "rates.json"
_EXTRAS = "extras.json"


class KerasHost:
    """A model, compiled or with an optimizer of its own.

    Args:
        name: ``keras`` or ``loop``.
        capabilities: what the engine emits and can do.
        model: a `keras.Model`.
        optimizer: of Keras; None without one.
        validate: runs a validation.
        extras: further objects by name, whose `state_dict` is plain data.
        tap: shows the gradients; None where callbacks see none.

    Raises:
        OptionError: an extra has no state.
    """

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        model: Any,
        optimizer: Any,
        validate: Callable[[], None] | None = None,
        extras: Mapping[str, Any] | None = None,
        tap: GradientTap | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.model: Any = KerasModel(model, tap)
        self.optimizers: Mapping[str, Any] = {"": optimizer} if optimizer is not None else {}
        self._module = model
        self._tap = tap
        self._optimizer = optimizer
        self._rates = KerasRates(optimizer, self.model.synchronise)
        self._validate = validate
        self._extras = dict(extras or {})
        for key, extra in self._extras.items():
            if not hasattr(extra, "state_dict") or not hasattr(extra, "load_state_dict"):
                raise OptionError(
                    f"extras[{key!r}] is a {type(extra).__name__}, without state_dict or load_state_dict."
                )

    def watch(
        self, gradients_ready: Callable[..., None] | None, stepped: Callable[..., None]
    ) -> Callable[[], None] | None:
        """Look at gradients, if somebody wants to see them; steps are told by the bridge, or by `Run.stepped`."""
        if gradients_ready is None or self._tap is None:
            return None
        if (unbuilt := self.model.unbuilt) is not None:
            raise RunStateError(f"Nobody can look at gradients of what is not there yet: {unbuilt}")
        self._tap.insert(gradients_ready, self.model.trained())
        return self._tap.late

    def unwatch(self) -> None:
        """Look at gradients no longer."""
        if self._tap is not None:
            self._tap.remove()

    # ---- values --------------------------------------------------------------------------------------------------

    def freeze(self, scalar: Any) -> Scalar:
        """Return a number, or a tensor of the backend that nothing changes in place; variables are read at once."""
        if hasattr(scalar, "clone"):
            copied: Scalar = scalar.detach().clone()
            return copied
        changes = hasattr(scalar, "assign") or isinstance(scalar, np.ndarray)
        return scalar if hasattr(scalar, "shape") and not changes else float(scalar)

    def freeze_all(self, scalars: Sequence[Any]) -> None:
        """Numbers are looked at one by one."""

    def read(self, scalars: Sequence[Scalar]) -> list[float]:
        """Return numbers."""
        return [float(scalar) for scalar in scalars]

    array = None
    batch_size = staticmethod(batch_size)

    # ---- learning rates and requests -----------------------------------------------------------------------------

    @property
    def schedulers(self) -> Sequence[str]:
        """Return the kind of schedule that the optimizer follows, if it follows one."""
        return () if self._rates.follows is None else (self._rates.follows,)

    def lr(self) -> Mapping[str, float]:
        """Return the learning rate, as the optimizer uses it."""
        return self._rates.lr()

    def set_lr(self, value: float, group: str | int | None) -> None:
        """Make the learning rate `value`. Raises `RequestRefused`; see `KerasRates`."""
        self._rates.set(value, group)

    def scheduled_lr(self) -> Mapping[str, float]:
        """Return the learning rate with nothing put on top."""
        return self._rates.scheduled()

    def schedule_lr(self, value: float, group: str | int | None) -> None:
        """Schedule the learning rate. Raises `RequestRefused`."""
        self._rates.schedule(value, group)

    def scale_lr(self, factor: float, by: str) -> None:
        """Multiply the scheduled learning rate. Raises `RequestRefused`."""
        self._rates.scale(factor, by)

    def add_scheduler(self, scheduler: Any) -> None:
        """Refused: schedulers of torch step optimizers of torch."""
        self._refuse("rehearse", "Keras takes a schedule as a function: give the callback one.")

    def validate(self) -> None:
        """Run a validation. Raises `RequestRefused` if there is none to run."""
        if self._validate is None:
            self._refuse("validate")
        self._validate()

    def rehearsal(self) -> AbstractContextManager[None]:
        """Refused."""
        self._refuse("rehearse")

    def trials(self) -> NoReturn:
        """Refused."""
        self._refuse("trials")

    def _refuse(self, ability: str, otherwise: str = "") -> NoReturn:
        raise RequestRefused(self.capabilities.reasons.get(ability) or otherwise or f"{self.name} cannot {ability}.")

    # ---- randomness and data -------------------------------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Seed all random generators of this process."""
        generators.seed_all(seed)

    def generators(self) -> HostState:
        """Return the states of the random generators of this process."""
        return HostState({}, {_GENERATORS: generators.capture()})

    def restore_generators(self, saved: SavedState) -> None:
        """Put the random generators back."""
        generators.restore(saved.document(_GENERATORS))

    def source(self, loader: Any, seed: int, purpose: Stage) -> BatchSource:
        """Replay any iterable. Raises `OptionError` for something that cannot be iterated."""
        return ReplayedSource(loader)

    # ---- files ---------------------------------------------------------------------------------------------------

    def tensor_file(self, tensors: Mapping[str, Any]) -> TensorWriter:
        """Copy arrays and return a function that writes them."""
        return variables.writer(tensors)

    def read_tensors(self, path: Path) -> Mapping[str, Any]:
        """Read arrays. Raises `CheckpointDamaged`."""
        return variables.read(path)

    def check_weight_suffix(self, suffix: str) -> None:
        """Raise `OptionError` for a suffix that Keras cannot write."""
        weight_files.check_suffix(suffix)

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Return a writer of a stand-alone file: ``.keras`` and ``.h5`` of the whole model, ``.weights.h5`` of weights.

        Raises:
            OptionError: another suffix.
        """
        self.check_weight_suffix(suffix)
        if suffix == ".safetensors":
            return variables.writer({**self.model.raw(), **(over or {})})

        def write(path: Path) -> None:
            self.model.synchronise()
            with self.model.standing_alone(over or {}):
                weight_files.write(self._module, path, suffix)

        return write

    # ---- checkpoints ---------------------------------------------------------------------------------------------

    def capture(self) -> HostState:
        """Copy everything that a resumed run needs, except the random generators."""
        weights = self.model.raw()
        slots = variables.arrays(self._slots()) if self._optimizer is not None else {}
        files = {_MODEL: variables.writer(weights)}
        if self._optimizer is not None:
            files[_OPTIMIZER] = variables.writer(slots)
        documents: dict[str, Any] = {
            _MODEL_ORDER: list(weights),
            _OPTIMIZER_ORDER: list(slots),
            _RATES: self._rates.state_dict(),
        }
        documents[_EXTRAS] = {name: extra.state_dict() for name, extra in self._extras.items()}
        return HostState(files, documents)

    def _slots(self) -> dict[str, Any]:
        self.model.synchronise()
        if not self._optimizer.built:
            self._optimizer.build(self._module.trainable_variables)
        return variables.named(self._optimizer.variables)

    def restore(self, saved: SavedState, weights_only: bool = False) -> None:
        """Put a checkpoint back; all of it is checked before anything is changed.

        Raises:
            StateMismatch: it does not fit.
        """
        if (unbuilt := self.model.unbuilt) is not None:
            raise StateMismatch(f"There is nothing yet that a checkpoint could be put into: {unbuilt}")
        weights = variables.by_place(
            variables.read(saved.file(_MODEL)), saved.document(_MODEL_ORDER), self.model.variables()
        )
        if weights_only or self._optimizer is None:
            self.model.load(weights)
            return
        if not saved.has(_OPTIMIZER):
            raise StateMismatch(
                "This checkpoint holds weights alone: load its model.safetensors, or go on from a whole one."
            )
        slots = self._slots()
        state = variables.by_place(variables.read(saved.file(_OPTIMIZER)), saved.document(_OPTIMIZER_ORDER), slots)
        variables.check(slots, state, "optimizer")
        self.model.load(weights)
        variables.assign(slots, state)
        self._rates.load_state_dict(saved.document(_RATES))
        for name, extra in saved.document(_EXTRAS).items():
            if name in self._extras:
                self._extras[name].load_state_dict(extra)

    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Put model, optimizer and extras back; the learning rate goes on."""
        with self._rates.going_on():
            self.restore(saved)

"""A Keras model and its optimizer, as the engine that callbacks live in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

from lineside.backends.keras import generators, variables
from lineside.backends.keras.model import KerasModel
from lineside.backends.keras.rates import KerasRates
from lineside.backends.keras.source import ReplayedSource, batch_size
from lineside.errors import OptionError, RequestRefused, StateMismatch, nearest
from lineside.metrics import Scalar
from lineside.ports import BatchSource, Capabilities, HostState, SavedState, Stage, TensorWriter

_GENERATORS = "rank-0/generators.json"
_MODEL, _OPTIMIZER = "model.safetensors", "optimizer.safetensors"
_MODEL_ORDER, _OPTIMIZER_ORDER, _RATES = "model.json", "optimizer.json", "rates.json"
SUFFIXES = (".weights.h5", ".h5", ".keras", ".safetensors")


class KerasHost:
    """A model, compiled or with an optimizer of its own.

    Args:
        name: ``keras`` or ``loop``.
        capabilities: what the engine emits and can do.
        model: a `keras.Model`.
        optimizer: of Keras; None without one.
        validate: runs a validation.
    """

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        model: Any,
        optimizer: Any,
        validate: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.model: Any = KerasModel(model)
        self.optimizers: Mapping[str, Any] = {"": optimizer} if optimizer is not None else {}
        self.schedulers: Sequence[str] = ()
        self._module = model
        self._optimizer = optimizer
        self._rates = KerasRates(optimizer, self.model.synchronise)
        self._validate = validate

    def watch(self, gradients_ready: Callable[..., None], stepped: Callable[..., None]) -> None:
        """Nothing to hook into: steps are told by the bridge, or by `Run.stepped`."""

    def unwatch(self) -> None:
        """Nothing was watched."""

    # ---- values --------------------------------------------------------------------------------------------------

    def freeze(self, scalar: Any) -> Scalar:
        """Return a number, or a tensor of the backend, which nothing changes in place."""
        return scalar if hasattr(scalar, "shape") else float(scalar)

    def read(self, scalars: Sequence[Scalar]) -> list[float]:
        """Return numbers."""
        return [float(scalar) for scalar in scalars]

    batch_size = staticmethod(batch_size)

    # ---- learning rates and requests -----------------------------------------------------------------------------

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
        if suffix not in SUFFIXES:
            raise OptionError(
                f"Weights of a Keras model cannot be written to {suffix or 'a file without a suffix'!r}."
                f"{nearest(suffix, SUFFIXES)} Let the file name end in {', '.join(SUFFIXES)}."
            )

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
            with self.model.swapped(over or {}):
                self._save(path, suffix)

        return write

    def _save(self, path: Path, suffix: str) -> None:
        # Keras looks at the end of the name, and a file that is not yet committed has another one.
        beside = path.with_name(f"{path.name.split('.')[0]}-unfinished{'.weights.h5' if suffix == '.h5' else suffix}")
        try:
            if suffix == ".keras":
                self._module.save(beside)
            else:
                self._module.save_weights(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    # ---- checkpoints ---------------------------------------------------------------------------------------------

    def capture(self) -> HostState:
        """Copy everything that a resumed run needs, except the random generators."""
        weights = self.model.raw()
        slots = variables.arrays(self._slots()) if self._optimizer is not None else {}
        files = {_MODEL: variables.writer(weights)}
        if self._optimizer is not None:
            files[_OPTIMIZER] = variables.writer(slots)
        documents = {_MODEL_ORDER: list(weights), _OPTIMIZER_ORDER: list(slots), _RATES: self._rates.state_dict()}
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

    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Put model and optimizer back; the learning rate goes on."""
        rate = self.lr()
        self.restore(saved)
        for value in rate.values():
            self._optimizer.learning_rate = value

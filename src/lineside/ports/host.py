"""What a run needs of the engine that trains: a host, its data, and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lineside.data_wait import LoadedBeside
from lineside.events import Event
from lineside.metrics import Scalar
from lineside.ports.model import ModelPort
from lineside.ports.vocabulary import Capability, Stage
from lineside.rates import HostRates
from lineside.rehearsal import HostRehearsal
from lineside.trials import HostTrials


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a host declares: the events it emits, what it can do, and why it cannot do the rest."""

    events: frozenset[Event]
    abilities: frozenset[Capability]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """For an event's hook or an ability that is missing: why, in words."""


TensorWriter = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host hands over to be saved: files that know how to write themselves, and plain documents."""

    files: Mapping[str, TensorWriter]
    documents: Mapping[str, Any]
    trusted_only: frozenset[str] = frozenset()


class SavedState(Protocol):
    """A checkpoint that is being restored: verified files and documents by name."""

    def document(self, name: str) -> Any: ...
    def file(self, name: str) -> Path: ...
    def has(self, name: str) -> bool: ...


class BatchSource(LoadedBeside, Protocol):
    """A data loader whose epochs can be repeated, and entered in the middle."""

    @property
    def length(self) -> int | None:
        """Batches per epoch, where known."""

    @property
    def inexact_reason(self) -> str | None:
        """Why a resumed epoch may not give the same batches; None if it does."""

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, without the first `skip`."""

    def state(self) -> dict[str, Any] | None:
        """Return where a loader that keeps its own place stands, as plain data; None for all others."""

    def load_state(self, state: Mapping[str, Any] | None) -> None:
        """Put back what `state` returned; the next epoch goes on from there."""


class Host(HostRates, HostRehearsal, HostTrials, Protocol):
    """The training engine that the callbacks live in."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def model(self) -> ModelPort: ...
    @property
    def array(self) -> type[Any] | None:
        """The type of what batches consist of, whose ``shape`` begins with the number of samples; None for any."""

    def watch(
        self, gradients_ready: Callable[..., None] | None, stepped: Callable[..., None]
    ) -> Callable[[], None] | None:
        """Call back, with any arguments, when gradients are ready and when an optimizer has stepped.

        Args:
            gradients_ready: None where no callback wants to see them.
            stepped: several optimizers may call it in one batch.

        Returns:
            What is to be called before a step is announced, by a host that learns of gradients as late as then.
        """

    def unwatch(self) -> None:
        """Take the hooks of `watch` out again."""

    def freeze(self, scalar: Any) -> Scalar:
        """Return a scalar that later in-place changes cannot touch, without waiting for a device."""

    def freeze_all(self, scalars: Sequence[Any]) -> list[Scalar] | None:
        """Do the same for many at once; None if they have to be looked at one by one."""

    def read(self, scalars: Sequence[Scalar]) -> list[float]:
        """Return many scalars as numbers with one wait for the device; called off the training thread."""

    def lr(self) -> Mapping[str, float]: ...
    def set_lr(self, value: float, group: str | int | None) -> None:
        """Scale the scheduled learning rate so that it is `value` now.

        Raises:
            RequestRefused: the host cannot, or `group` names none or too many.
        """

    def generators(self) -> HostState:
        """Return the states of the random generators of this process."""

    def capture(self) -> HostState:
        """Return everything that a resumed run needs, except the random generators."""

    def restore(self, saved: SavedState, weights_only: bool = False) -> None: ...
    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Put back, in the middle of a training, what belongs to the weights; the place in the training goes on.

        Model, optimizer, gradient scaler and extras go back. Schedulers, the rates that they and callbacks gave, and
        all other options of parameter groups go on, as steps, data and generators do.

        Args:
            saved: a whole checkpoint of this run.
            same_epoch: it was made in the epoch that is under way, and what metric objects have counted goes back to
                it; otherwise they start anew.
        """

    def restore_generators(self, saved: SavedState) -> None: ...
    def validate(self) -> None:
        """Run a validation now. Raises `RequestRefused` where the host cannot."""

    def seed(self, seed: int) -> None:
        """Seed all random generators of this process."""

    def source(self, loader: Any, seed: int, purpose: Stage) -> BatchSource:
        """Wrap a data loader. Raises `OptionError` for something that cannot be iterated."""

    def batch_size(self, batch: Any) -> int:
        """Return how many samples a batch holds."""

    def tensor_file(self, tensors: Mapping[str, Any]) -> TensorWriter: ...
    def read_tensors(self, path: Path) -> Mapping[str, Any]: ...
    def check_weight_suffix(self, suffix: str) -> None:
        """Raise `OptionError` if weights cannot be written to a file that ends so."""

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Return a writer of a stand-alone weight file, with `over` in the place of the model's own tensors.

        Raises:
            OptionError: the suffix is unknown.
        """

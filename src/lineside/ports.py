"""The ports of the core: what callbacks see of a run, and what a run needs from hosts, stores and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from lineside.confusion import CountsClasses
from lineside.control import Outcome, Request
from lineside.data_wait import DataView, LoadedBeside
from lineside.events import Event
from lineside.metrics import Metrics, Scalar
from lineside.profiling import Profiles
from lineside.rates import HostRates, RatesView
from lineside.rehearsal import HostRehearsal, RehearsalView
from lineside.trials import HostTrials, TrialsView
from lineside.weights import TrainedModel, WeightsView

Stage = Literal["train", "val", "test", "predict", "export"]
Level = Literal["info", "warning", "error"]
MediumKind = Literal["text", "figure", "image", "artifact"]
Capability = Literal[
    "model", "gradients", "batch_data", "set_lr", "schedule_lr", "rehearse", "trials",
    "average", "freeze", "update_bn", "validate", "restore", "resume_in_epoch", "pause", "profile",
]  # fmt: skip
"""What a host may be able to do, beyond emitting events."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know."""

    title: str
    text: str = ""
    level: Level = "warning"
    author: str = ""
    durable: bool | None = None


@dataclass(frozen=True, slots=True)
class CallbackInfo:
    """What one callback may know of another: its name, its class and its public options."""

    name: str
    kind: str
    enabled: bool
    options: Mapping[str, Any] = field(default_factory=dict)


LogRow = tuple[int, int, float, Mapping[str, Scalar]]
"""Step, epoch, Unix time, and values by canonical name; batch values stand under ``batch/<metric>``."""


class CheckpointView(Protocol):
    """A committed checkpoint, as callbacks see it."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def step(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def tags(self) -> Sequence[str]: ...


@runtime_checkable
class ModelPort(TrainedModel, Profiles, CountsClasses, Protocol):
    """The one way from an inline callback to the model."""

    module: Any
    """The framework's own object, for code that is tied to the framework."""

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and trainable parameters; tensors of the framework, shapes as the model has them."""

    def gradients(self) -> Iterator[tuple[str, Any]]:
        """Yield names and gradients of the parameters that have one."""

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Return L2 norms, left on their devices: scalars that can be reckoned with.

        Args:
            of: what is trained, or the gradients that there are.
            by: tells to which groups a parameter belongs, by its name; norms are then those of the groups.
            since: what `capture` returned; norms are then those of what has changed since.
        """

    def values(self, tensor: Any) -> Any:
        """Return the elements of a tensor as a flat NumPy array of float64; waits for the device."""

    def capture(self) -> Mapping[str, Any]:
        """Return a copy of all weights and buffers, on their device."""

    def load(self, weights: Mapping[str, Any], *, partial: bool = False) -> None:
        """Put captured weights and buffers back, in place; with `partial` some may be missing, and stay as they are."""

    def swapped(self, weights: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Put other weights into the model for a while; checkpoints made meanwhile hold the raw ones."""


class RunView(RatesView, RehearsalView, TrialsView, WeightsView, DataView, Protocol):
    """What a callback sees of a run: all of it inline, and in the background a snapshot without what is live."""

    @property
    def project(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def dir(self) -> Path:
        """The run's directory; everything that a callback writes belongs below it."""

    @property
    def host(self) -> str:
        """Name of the training engine: ``trainer``, ``loop``, ``keras``, …."""

    @property
    def attempt(self) -> int:
        """1 for the first process, one more for each that resumed the run."""

    @property
    def rank(self) -> int: ...
    @property
    def world_size(self) -> int: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def epoch(self) -> int:
        """Current epoch, from 0."""

    @property
    def total_epochs(self) -> int | None:
        """Planned number of epochs, where known."""

    @property
    def epochs_done(self) -> int:
        """Epochs whose training part is over."""

    @property
    def step(self) -> int:
        """Optimizer steps since the start of training, across attempts."""

    @property
    def total_steps(self) -> int | None: ...
    @property
    def batch(self) -> int:
        """Micro-batch within the epoch (or within the validation), from 0."""

    @property
    def total_batches(self) -> int | None:
        """Batches of this epoch (or validation), where known."""

    @property
    def batches_done(self) -> int:
        """Training batches since the start of training, across attempts."""

    @property
    def samples(self) -> int:
        """Training samples since the start of training, across attempts."""

    @property
    def elapsed(self) -> float:
        """Seconds of training, across attempts; pauses are not counted."""

    @property
    def save_seconds(self) -> float | None:
        """How long the newest save of this attempt kept the training; None before the first."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def batch_metrics(self) -> Metrics: ...
    @property
    def has_validation(self) -> bool | None:
        """Whether validation will happen; None where the host cannot know."""

    @property
    def lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group, as the optimizer uses it."""

    @property
    def hparams(self) -> Mapping[str, Any]: ...
    @property
    def callbacks(self) -> Sequence[CallbackInfo]: ...
    @property
    def reason(self) -> str | None:
        """Why the run ended, in words; None while it goes on."""

    @property
    def summary(self) -> str | None:
        """What each callback cost, as a table; None before the end of training."""

    @property
    def model(self) -> ModelPort:
        """The model; inline only."""

    @property
    def batch_data(self) -> Any:
        """The batch as the loader gave it; inline only, between batch start and batch end."""

    @property
    def outputs(self) -> Any:
        """What the model returned; inline only, between forward and batch end."""

    @property
    def loss(self) -> Any:
        """The loss of the batch, on its device; inline only."""

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics: numbers, or tensors of one element, which are not synchronised."""

    def log_text(self, tag: str, text: str) -> None: ...
    def log_figure(self, tag: str, figure: Any) -> None: ...
    def log_image(self, tag: str, image: Any) -> None: ...
    def log_artifact(self, path: str | Path, name: str | None = None) -> None: ...
    def alert(self, title: str, text: str = "", level: Level = "warning", durable: bool | None = None) -> None: ...
    def stop(self, reason: str) -> None: ...
    def interrupt(self, reason: str) -> None:
        """Ask the run to save and to leave, as SIGTERM does: no validation, no end hooks, and it can be resumed.

        The process ends with the code 75 (``EX_TEMPFAIL`` of ``sysexits.h``: try again).
        """

    def save(
        self,
        tag: str = "manual",
        reason: str = "",
        *,
        pin: str | None = None,
        file: str | None = None,
        weights_only: bool = False,
    ) -> None:
        """Ask for a checkpoint at the next safe point; all saves asked for there are merged into one.

        Args:
            tag: ``best`` makes it the best one; any other word is kept in the manifest.
            reason: why, for the record.
            pin: keep it until this owner pins another one.
            file: path of a stand-alone weight file to write beside it; the suffix chooses the format.
            weights_only: without optimizer, generators and callbacks; such a checkpoint cannot be resumed from.
        """

    def retain(self, *policies: Any) -> None:
        """Add retention policies (`lineside.checkpoints.retention`); a checkpoint stays while any policy keeps it."""

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        """Run ``package.module:function(**arguments)`` in the helper process; returns at once.

        Args:
            target: the function.
            arguments: plain data.
            key: jobs of one key that still wait are replaced by the latest.
            at_end: wait until the run is over and its records say how it ended.
            figure: a tag under which the PNG bytes that the function returns are published, as of this step.
        """

    def validate(self, reason: str = "") -> None: ...
    def pause(self, reason: str = "") -> None: ...
    def unpause(self, reason: str = "") -> None: ...
    def set_lr(self, value: float, group: str | int | None = None, reason: str = "") -> None: ...
    def restore(self, checkpoint: str, reason: str = "", weights_only: bool = True) -> None:
        """Ask for a checkpoint to be put back: its name, ``best``, ``last``, or the owner of a pin."""


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
    def watch(self, gradients_ready: Callable[..., None], stepped: Callable[..., None]) -> None:
        """Call back, with any arguments, when gradients are ready and when an optimizer has stepped."""

    def unwatch(self) -> None:
        """Take the hooks of `watch` out again."""

    def freeze(self, scalar: Any) -> Scalar:
        """Return a scalar that later in-place changes cannot touch, without waiting for a device."""

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


class Recorder(Protocol):
    """Writes down what happened. Called from one background thread."""

    def rows(self, rows: Sequence[LogRow]) -> None: ...
    def event(self, kind: str, *, step: int, epoch: int, time: float, data: Mapping[str, Any]) -> None: ...
    def request(self, request: Request, outcome: Outcome | None) -> None: ...
    def text(self, tag: str, text: str, *, step: int, epoch: int, time: float) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class RequestInbox(Protocol):
    """Where requests from outside arrive. Polled off the training thread."""

    def poll(self) -> Sequence[Request]: ...
    def done(self, request_id: str) -> None: ...

"""What a callback sees of a run, and what it may ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lineside.data_wait import DataView
from lineside.metrics import Metrics
from lineside.ports.model import ModelPort
from lineside.ports.vocabulary import CallbackInfo, Level, Phase, Stage
from lineside.rates import RatesView
from lineside.rehearsal import RehearsalView
from lineside.trials import TrialsView
from lineside.weights import WeightsView


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
    def alert(
        self,
        title: str,
        text: str = "",
        level: Level = "warning",
        durable: bool | None = None,
        *,
        phase: Phase = "once",
        plot: str | None = None,
    ) -> None:
        """Raise an alert: recorded, shown to all callbacks by ``on_alert``, and delivered along their routes.

        Args:
            title: one line.
            text: more of it.
            level: how bad it is.
            durable: return only when what is to be delivered is on the disk; None for warnings and errors alone.
            phase: whether it begins, is over, or happened once.
            plot: a picture of it, relative to the run's directory.
        """

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

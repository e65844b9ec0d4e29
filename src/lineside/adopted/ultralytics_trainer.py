"""What stands in for the trainer, validator, predictor or exporter of an Ultralytics callback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineside.adopted.stand_in import Arguments, StandIn, only_optimizer
from lineside.errors import RequestRefused
from lineside.language import text
from lineside.metrics import Metrics
from lineside.ports import RunView


class UltralyticsTrainer(StandIn):
    """Where the run stands, its metrics by any of their names, and a switch that stops it.

    One object stands for all four, so that what a callback keeps on it is there at the next event.
    """

    def __init__(self, run: RunView, owner: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(run, owner, "trainer")
        self._stopping = False
        self._arguments = Arguments(run, owner, "trainer.args", _known_arguments, arguments)

    @property
    def epoch(self) -> int:
        """Current epoch, from 0."""
        return self._run.epoch

    @property
    def epochs(self) -> int | None:
        """Planned number of epochs; None where the host does not know it."""
        return self._run.total_epochs

    @property
    def batch_i(self) -> int:
        """Batch within the epoch or the evaluation, from 0."""
        return self._run.batch

    @property
    def metrics(self) -> Metrics:
        """All metrics of the run, read-only: ``val/loss`` and ``metrics/mAP50(B)`` alike."""
        return self._run.metrics

    @property
    def lr(self) -> dict[str, float]:
        """Learning rate per parameter group, as ``lr/pg0``, ``lr/pg1``, …."""
        return {f"lr/pg{number}": rate for number, rate in enumerate(self._run.lr.values())}

    @property
    def loss(self) -> Any:
        """The loss of the batch, on its device; None between batches."""
        return self._run.loss

    @property
    def model(self) -> Any:
        """The framework's own model."""
        return self._run.model.module

    @property
    def optimizer(self) -> Any:
        """The framework's own optimizer; None where there is not exactly one."""
        return only_optimizer(self._run)

    @property
    def args(self) -> Arguments:
        """The arguments of the training."""
        return self._arguments

    @property
    def save_dir(self) -> Path:
        """The run's directory."""
        return self._run.dir

    @property
    def stop(self) -> bool:
        """Whether the object has asked for the end."""
        return self._stopping

    @stop.setter
    def stop(self, stop: bool) -> None:
        if stop and not self._stopping:
            self._run.stop(text(f"{self._owner} set trainer.stop", f"{self._owner} 设置了 trainer.stop"))
        elif self._stopping and not stop:
            raise RequestRefused(f"{self._owner} takes back trainer.stop, and a stop is final here.")
        self._stopping = bool(stop)


def _known_arguments(run: RunView) -> dict[str, Any]:
    return {"epochs": run.total_epochs, "project": run.project, "name": run.name, "save_dir": str(run.dir)}

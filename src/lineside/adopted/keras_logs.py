"""The ``logs`` of Keras: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lineside.metrics import Metrics
from lineside.ports import RunView


def epoch_logs(run: RunView) -> dict[str, float]:
    """Return the values of the newest epoch: those of training by their bare names, of validation behind ``val_``.

    Values of an earlier epoch are left out, as Keras leaves out those of a validation that did not take place.
    """
    logs = {}
    for name in list(run.metrics):
        stage, _, bare = name.partition("/")
        if stage in ("train", "val") and bare:
            point = run.metrics.point(name)
            if point is not None and point.epoch == run.epochs_done - 1:
                logs[bare if stage == "train" else f"val_{bare}"] = point.value
    return logs


def evaluation_logs(run: RunView, stage: str) -> dict[str, float]:
    """Return the values of an evaluation that has just ended, by their bare names."""
    logs = {}
    for name in list(run.metrics):
        if name.startswith(f"{stage}/"):
            point = run.metrics.point(name)
            if point is not None and point.step == run.step:
                logs[name.removeprefix(f"{stage}/")] = point.value
    return logs


class BatchLogs(Mapping[str, float]):
    """The values of a batch by their bare names. Each is read when it is looked up: reading waits for a device."""

    def __init__(self, metrics: Metrics, stage: str) -> None:
        self._metrics = metrics
        self._prefix = f"{stage}/"

    def __getitem__(self, name: str) -> float:
        """Read a value. Raises `KeyError` if there is none."""
        full = self._prefix + name
        if full not in self._metrics:
            raise KeyError(name)
        return self._metrics[full]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return (name.removeprefix(self._prefix) for name in list(self._metrics) if name.startswith(self._prefix))

    def __len__(self) -> int:
        """Return how many values there are."""
        return sum(1 for _ in self)

    def copy(self) -> dict[str, float]:
        """Read all values."""
        return dict(self)

"""Watching one metric: which way is better, what is fresh, and what is wrong with the name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from lineside.errors import MonitorError, OptionError, nearest
from lineside.metrics import MetricPoint, canonical

if TYPE_CHECKING:
    from lineside.ports import RunView

Mode = Literal["auto", "min", "max"]

_DOWN: Final = ("loss", "error", "err", "mse", "mae", "rmse", "mape", "perplexity", "ppl", "wer", "cer", "nll", "fid")
_UP: Final = (
    *("accuracy", "acc", "f1", "auc", "auroc", "map", "map50", "map50-95", "ap", "iou", "miou", "dice", "precision"),
    *("recall", "r2", "score", "bleu", "rouge", "psnr", "ssim", "fitness", "top1", "top5", "kappa", "mcc", "ndcg"),
)


def direction(name: str, mode: Mode) -> Literal["min", "max"]:
    """Return whether a metric should go down or up.

    Raises:
        OptionError: the mode is unknown, or it is ``auto`` and the name is neither a loss or error nor an accuracy or
            score. Guessing would keep the worst model as the best.
    """
    if mode in ("min", "max"):
        return mode
    if mode != "auto":
        raise OptionError(
            f"mode={mode!r} is unknown.{nearest(str(mode), ('auto', 'min', 'max'))} Use auto, min or max."
        )
    metric = name.rsplit("/", 1)[-1].lower().partition("(")[0]
    words = {metric, *metric.replace("-", "_").split("_")}
    down, up = not words.isdisjoint(_DOWN) or metric.endswith("loss"), not words.isdisjoint(_UP)
    if down == up:
        raise OptionError(f"mode='auto' cannot tell which way {name!r} is better: say mode='min' or mode='max'.")
    return "min" if down else "max"


class Monitor:
    """One watched metric.

    It acts once per fresh value, so hooks may look as often as they like: at ``on_val_end``, and again at
    ``on_epoch_end`` for hosts that publish later.
    """

    def __init__(self, metric: str, mode: Mode = "auto") -> None:
        if not isinstance(metric, str) or not metric:
            raise OptionError(f"monitor={metric!r}: give the name of a metric, such as 'val/loss'.")
        self.metric = metric
        self.mode = direction(metric, mode)
        self._seen = 0

    @property
    def of_validation(self) -> bool:
        """Whether the metric is computed by validation."""
        return canonical(self.metric).startswith("val/")

    @property
    def worst(self) -> float:
        """The value that any number improves upon."""
        return math.inf if self.mode == "min" else -math.inf

    def fresh(self, run: RunView) -> MetricPoint | None:
        """Return the newest value if it was not returned before."""
        point = run.metrics.point(self.metric)
        if point is None or point.serial <= self._seen:
            return None
        self._seen = point.serial
        return point

    def better(self, value: float, than: float, by: float = 0.0) -> bool:
        """Tell whether a value beats another by more than `by`. NaN beats nothing; any number beats NaN."""
        if math.isnan(value):
            return False
        if math.isnan(than):
            return True
        return value < than - by if self.mode == "min" else value > than + by

    def check_start(self, run: RunView, culprit: str) -> None:
        """Refuse a validation metric in a run that is known to have no validation.

        Raises:
            MonitorError: naming the callback and what to do.
        """
        if self.of_validation and run.has_validation is False:
            raise MonitorError(
                f"{culprit} monitors {self.metric!r}, but this run has no validation: pass validation data, or monitor "
                "a training metric such as 'train/loss'."
            )

    def check_published(self, run: RunView, culprit: str) -> None:
        """Refuse a metric that nobody has published by the time it should be there.

        Raises:
            MonitorError: naming the callback and listing the metrics that there are.
        """
        if run.metrics.resolve(self.metric) is None:
            there = ", ".join(sorted(run.metrics)) or "nothing"
            raise MonitorError(
                f"{culprit} monitors {self.metric!r}, which nobody has published by epoch {run.epoch + 1}."
                f"{nearest(self.metric, run.metrics)} There is: {there}."
            )

    def reset(self) -> None:
        """Forget what was seen; a new fit begins."""
        self._seen = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen, as plain data."""
        return {"seen": self._seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._seen = int(state["seen"])

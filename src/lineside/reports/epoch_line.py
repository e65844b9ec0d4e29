"""One readable line for an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lineside.language import text
from lineside.ports import RunView


def epoch_line(run: RunView, metrics: Sequence[str] | None = None) -> str:
    """Return ``epoch 3/20  loss 0.1234  val_loss 0.2345  lr 1e-3  2.3 s``, in the language of the reader.

    Only values that were computed in this epoch are shown; an old one would be taken for a new one.

    Args:
        run: at the end of an epoch.
        metrics: names to show; those of training and validation unless given.
    """
    names = [name for name in map(run.metrics.resolve, metrics) if name] if metrics is not None else _usual(run)
    parts = [f"{short(name)} {number(run.metrics[name])}" for name in names if is_of_epoch(run, name)]
    rates = rate_text(run.lr)
    seconds = run.metrics["time/epoch"] if is_of_epoch(run, "time/epoch") else None
    took = [f"{seconds:.1f} {text('s', '秒')}"] if seconds is not None else []
    return "  ".join([epoch_label(run), *parts, *rates, *took])


def epoch_label(run: RunView) -> str:
    """Return ``epoch 3/20``; epochs count from 1 where people read them."""
    total = run.total_epochs
    count = f"{run.epoch + 1:{len(str(total))}}/{total}" if total is not None else str(run.epoch + 1)
    return text(f"epoch {count}", f"第 {count} 轮")


def rate_text(rates: Mapping[str, float]) -> list[str]:
    """Return the learning rate, or those of all groups where they differ."""
    word = text("lr", "学习率")
    values = list(dict.fromkeys(rates.values()))
    return [f"{word} {'/'.join(map(scientific, values))}"] if values else []


def is_of_epoch(run: RunView, name: str) -> bool:
    """Tell whether a metric has a value that was computed in the current epoch."""
    point = run.metrics.point(name)
    return point is not None and point.epoch == run.epoch


def short(name: str) -> str:
    """Return a name as Keras prints it: ``loss`` for ``train/loss``, ``val_loss`` for ``val/loss``."""
    return f"val_{name[4:]}" if name.startswith("val/") else name.removeprefix("train/")


def number(value: float) -> str:
    """Return four significant digits, and a plain notation as long as it is readable."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:g}"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.6g}"
    return scientific(value)


def scientific(value: float) -> str:
    """Return ``1e-3`` or ``2.5e-4``; zero and values that are not finite as they are."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _usual(run: RunView) -> list[str]:
    """Return the metrics of training, then those of validation; each time the loss comes first."""
    names = sorted(run.metrics, key=lambda name: name not in {"train/loss", "val/loss"})
    return [name for stage in ("train/", "val/") for name in names if name.startswith(stage)]

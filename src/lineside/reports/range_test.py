"""A learning-rate range test: the loss at each rate that was tried, and which rate it suggests."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from lineside.language import text

Problem = Literal["few", "flat", "start", "end"]

FEWEST = 10
"""Points below which nothing is suggested."""

_CLEAR = 3.0
"""How many times larger than a usual step of the loss, up or down, its fall must be."""

_ROUNDING = 1e-6
"""A share of the loss that is no fall."""


@dataclass(slots=True)
class RangeTest:
    """The points of a test, in the order of rising rates.

    Attributes:
        smoothing: how much of a running mean of the loss stays at each point, from 0 to below 1.
        lrs: the rates.
        losses: the loss at each; finite.
    """

    smoothing: float
    lrs: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _mean: tuple[float, float] = (0.0, 0.0)
    _lowest: float = math.inf

    def add(self, lr: float, loss: float) -> float:
        """Add a point; return the running mean of the loss as a multiple of its lowest, 1.0 where that is not above 0.

        Args:
            lr: the rate of the step.
            loss: a finite number.
        """
        self.lrs.append(lr)
        self.losses.append(loss)
        self._mean, mean = _next_mean(self._mean, loss, self.smoothing)
        self._lowest = min(self._lowest, mean)
        return mean / self._lowest if self._lowest > 0.0 else 1.0

    def suggest(self) -> Suggestion:
        """Find where the smoothed loss falls most steeply before its minimum, from point to point.

        There the model learns most in a step. Below, learning is slower; from the minimum on it diverges (Smith 2015,
        "Cyclical Learning Rates for Training Neural Networks", section 3.3; the steepest point is what fastai and
        Lightning suggest).
        """
        if len(self.losses) < FEWEST:
            return Suggestion(None, "few")
        curve = smoothed(self.losses, self.smoothing)
        lowest = min(range(len(curve)), key=curve.__getitem__)
        if lowest < 2 or not self._falls_clearly(curve, lowest):
            return Suggestion(None, "flat")
        steepest = min(range(1, lowest), key=lambda place: curve[place + 1] - curve[place - 1])
        if steepest == 1:
            return Suggestion(None, "start")
        return Suggestion(self.lrs[steepest], "end" if lowest == len(self.losses) - 1 else None)

    def _falls_clearly(self, curve: Sequence[float], lowest: int) -> bool:
        highest = max(curve[:lowest])
        # The median of all steps does not notice the few steep ones.
        scatter = statistics.median(abs(one - other) for one, other in pairwise(self.losses[: lowest + 1]))
        return highest - curve[lowest] > _CLEAR * scatter + _ROUNDING * abs(highest)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a test says.

    Attributes:
        lr: the suggested rate; None where there is no good one.
        problem: ``few``: too few points; ``flat``: the loss never falls clearly; ``start``: it falls most steeply at
            once, so that the range begins too high; ``end``: it still falls at the end, which may be too early.
    """

    lr: float | None
    problem: Problem | None = None

    @property
    def title(self) -> str:
        """In a few words."""
        if self.lr is None:
            return text("No learning rate to suggest", "无法建议学习率")
        return text(f"Suggested learning rate: {self.lr:.3g}", f"建议的学习率：{self.lr:.3g}")

    @property
    def reason(self) -> str:
        """Why, and what to do, in a sentence."""
        match self.problem:
            case "few":
                return text(
                    f"The test has fewer than {FEWEST} points: the data gave no more, or the loss exploded at once. "
                    "Try a lower max_lr or more steps.",
                    f"测试的点少于 {FEWEST} 个：数据不足，或损失一开始就发散。请降低 max_lr 或增加 steps。",
                )
            case "flat":
                return text(
                    "The loss never falls clearly, compared with its scatter. Try a higher max_lr, more steps or "
                    "larger batches; and see whether the model can learn at all.",
                    "与自身的波动相比，损失没有明显下降。请提高 max_lr、增加 steps 或增大批次，并确认模型能够学习。",
                )
            case "start":
                return text(
                    "The loss falls most steeply at the very beginning: try a lower min_lr.",
                    "损失在一开始就下降最快：请降低 min_lr。",
                )
            case "end":
                return text(
                    "The loss falls most steeply there. It still falls at max_lr: a higher one may show a better rate.",
                    "损失在此处下降最快。到 max_lr 时损失仍在下降：提高 max_lr 可能找到更好的学习率。",
                )
        return text("The loss falls most steeply there.", "损失在此处下降最快。")


def smoothed(losses: Sequence[float], smoothing: float) -> list[float]:
    """Return running means from both sides, so that the curve is not shifted towards higher rates.

    A loss above those of the beginning counts as these: an explosion at the end would reach far in front of itself.
    """
    highest = max(losses[:FEWEST])
    capped = [min(loss, highest) for loss in losses]
    forward, backward = _running_means(capped, smoothing), _running_means(reversed(capped), smoothing)
    return [(before + after) / 2.0 for before, after in zip(forward, reversed(backward), strict=True)]


def _running_means(losses: Iterable[float], smoothing: float) -> list[float]:
    means, state = [], (0.0, 0.0)
    for loss in losses:
        state, mean = _next_mean(state, loss, smoothing)
        means.append(mean)
    return means


def _next_mean(state: tuple[float, float], loss: float, smoothing: float) -> tuple[tuple[float, float], float]:
    """Add to an exponential running mean, without the bias towards 0 at its beginning (Kingma and Ba 2015, Adam)."""
    total, weight = smoothing * state[0] + (1.0 - smoothing) * loss, smoothing * state[1] + (1.0 - smoothing)
    return (total, weight), total / weight

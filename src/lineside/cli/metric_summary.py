"""What is told of one metric: its newest value, its extremes, and a curve of few points in which no spike is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

from lineside.errors import OptionError
from lineside.monitor import direction
from lineside.store.reader import RunReader
from lineside.store.series import Point, Series, floats, integers


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of a run.

    Attributes:
        name: its canonical name.
        last: the newest value.
        lowest: the least finite value; None where there is none.
        highest: the greatest finite value; None where there is none.
        curve: extremes of the whole curve, and its newest value.
    """

    name: str
    last: Point
    lowest: Point | None
    highest: Point | None
    curve: Series

    @classmethod
    def read(cls, reader: RunReader, name: str, max_points: int) -> Self | None:
        """Read a metric; None where all of its values are superseded.

        Raises:
            MetricNotFound: there is no such metric.
        """
        last = reader.latest(name)
        if last is None:
            return None
        curve = reader.series(name, max_points=max_points)
        if last.step > max(curve.steps):  # no extreme, and yet where the curve ends
            end = Series(integers([last.step]), integers([last.epoch]), floats([last.value]), floats([last.time]))
            curve = Series.joined([curve, end])
        finite = [point for at in range(len(curve)) if math.isfinite((point := curve[at]).value)]
        lowest = min(finite, key=lambda point: point.value, default=None)
        highest = max(finite, key=lambda point: point.value, default=None)
        return cls(name, last, lowest, highest, curve)

    @property
    def better(self) -> Literal["min", "max"] | None:
        """Whether it should go down or up, where its name tells."""
        try:
            return direction(self.name, "auto")
        except OptionError:
            return None

    @property
    def best(self) -> Point | None:
        """The best value, where it is known which way is better."""
        return {"min": self.lowest, "max": self.highest}.get(self.better or "")

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``, without the curve."""
        return {
            "name": self.name,
            **self.last._asdict(),
            "better": self.better,
            "lowest": None if self.lowest is None else self.lowest._asdict(),
            "highest": None if self.highest is None else self.highest._asdict(),
        }

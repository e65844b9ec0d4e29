"""How the training went: of each metric the best value and the last, and which of them counts most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lineside.errors import OptionError
from lineside.metrics import candidates
from lineside.monitor import direction
from lineside.reports.html.evidence import Evidence
from lineside.store.series import Point, Series

_STAGES = ("val/", "train/", "test/")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one metric.

    Attributes:
        metric: canonical name.
        best: the best finite point; None where there is none, or nobody can tell which way it should go.
        last: the newest point.
        monitored: whether a callback watched it.
        goal: which way it should go, where that is known.
    """

    metric: str
    best: Point | None
    last: Point
    monitored: bool
    goal: Literal["min", "max"] | None


def outcomes(evidence: Evidence) -> list[Outcome]:
    """Return what became of the metrics of validation, training and test, what was monitored first, then losses."""
    watched = _watched(evidence)
    names = [name for name in evidence.curves if name.startswith(_STAGES) or name in watched]
    found = [_outcome(name, evidence.curves[name], evidence.latest[name], watched) for name in names]
    return sorted(found, key=lambda one: (not one.monitored, _rank(one.metric)))


def _watched(evidence: Evidence) -> dict[str, str]:
    """Return the metrics that callbacks of the last attempt watched, each with the mode that they were told."""
    facts = [event for event in evidence.history if event.kind == "facts"]
    told = facts[-1].data.get("callbacks") if facts else None
    watched: dict[str, str] = {}
    for one in told if isinstance(told, list) else []:
        options = one.get("options") if isinstance(one, dict) and one.get("enabled") else None
        monitor = options.get("monitor") if isinstance(options, dict) else None
        if isinstance(options, dict) and isinstance(monitor, str):
            known = next((name for name in candidates(monitor) if name in evidence.curves), None)
            if known is not None:
                watched.setdefault(known, str(options.get("mode", "auto")))
    return watched


def _outcome(name: str, series: Series, last: Point, watched: dict[str, str]) -> Outcome:
    goal = _goal(name, watched.get(name, "auto"))
    finite = [point for point in map(series.__getitem__, range(len(series))) if math.isfinite(point.value)]
    best = None
    if goal is not None and finite:
        best = (min if goal == "min" else max)(finite, key=lambda point: point.value)
    return Outcome(name, best, last, name in watched, goal)


def _goal(name: str, mode: str) -> Literal["min", "max"] | None:
    try:
        return direction(name, mode)  # type: ignore[arg-type]
    except OptionError:
        return None


def _rank(name: str) -> tuple[int, bool]:
    stage = next((place for place, stage in enumerate(_STAGES) if name.startswith(stage)), len(_STAGES))
    return stage, not name.endswith("/loss")


def headline(found: Sequence[Outcome]) -> Outcome | None:
    """Return the metric that stands at the top: the first that has a best value."""
    return next((one for one in found if one.best is not None), None)

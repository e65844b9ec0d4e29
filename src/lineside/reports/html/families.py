"""Metrics that belong together although no stage says so: layers, classes, and one resource of several devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lineside.reports.panels import RATES, panels

MOST_CURVES = 12
"""Of one chart; more could not be told apart."""

_UNITS = {"percent": "%", "gib": "GiB", "mib": "MiB", "mib_s": "MiB/s", "celsius": "°C", "watts": "W", "seconds": "s"}


def families(names: Iterable[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the title of each chart and the metrics in it.

    What `panels` leaves alone is grouped by the part of the name before the last slash (``gradients/<layer>``), and
    resources by the part behind it (``system/<device>/memory_percent``), so that a chart has one unit; of what was
    logged in batches the name of the epoch stands for both. What tells how well the training went comes first.
    """
    grouped = panels(names)
    kin: dict[str, list[str]] = {}
    for title, members in grouped.items():
        if _alone(title, members):
            kin.setdefault(_family(title), []).append(title)
    found: list[tuple[str, Sequence[str]]] = []
    for title, members in grouped.items():
        family = kin.pop(_family(title), None) if _alone(title, members) else [title]
        if family == [title]:
            found.append((title, members))
        elif family is not None:
            found += _parts(_family(title), family)
    return iter(sorted(found, key=_rank))


def _rank(chart: tuple[str, Sequence[str]]) -> int:
    title, members = chart
    if any(name.startswith(("train/", "val/", "test/")) for name in members):
        return 0
    return 1 if title == RATES else 2


def _alone(title: str, members: Sequence[str]) -> bool:
    return not {*members} - {title, f"batch/{title}"} and title in members


def _family(name: str) -> str:
    before, _, last = name.rpartition("/")
    return f"system/{last}" if name.startswith("system/") else before or name


def _parts(family: str, members: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    if len(members) <= MOST_CURVES:
        yield family, members
    else:
        for start in range(0, len(members), MOST_CURVES):
            part = members[start : start + MOST_CURVES]
            yield f"{family} {start + 1}–{start + len(part)}", part


def short(name: str, title: str) -> str:
    """Return what tells a metric from the others of its chart."""
    if name.startswith("system/"):
        return name.removeprefix("system/").removesuffix(title.rpartition("/")[2]).rstrip("/") or name
    return name.rpartition("/")[2]


def resource(title: str) -> str:
    """Return what ``system/…_percent`` is for people: the name with its unit."""
    name = title.rpartition("/")[2]
    unit = next((unit for unit in sorted(_UNITS, key=len, reverse=True) if name.endswith(f"_{unit}")), None)
    bare = name.removesuffix(f"_{unit}").replace("_", " ")
    return bare if unit is None else f"{bare} ({_UNITS[unit]})"

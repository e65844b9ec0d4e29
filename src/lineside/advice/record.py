"""Facts about a run from what it has recorded, while it goes on or afterwards."""

from __future__ import annotations

from pathlib import Path

from lineside.advice.facts import Facts
from lineside.errors import StoreDamaged
from lineside.store.reader import RunReader

EVENT = "facts"
"""The kind of the event that a run records at its start."""

_MOST_POINTS = 1000


def recorded_facts(directory: str | Path) -> Facts:
    """Return the facts that the newest attempt of a run recorded, with the curves of its validation metrics so far.

    Args:
        directory: the run's directory.

    Raises:
        NoRecords: the run has recorded nothing yet.
        StoreDamaged, StoreTooNew, StoreUnavailable: its records cannot be read.
    """
    path = Path(directory)
    with RunReader.open(path) as reader:
        events = reader.events(EVENT, attempts="all")
        if not events:
            return Facts(directory=str(path))
        curves = {
            name: list(reader.series(name).values)[-_MOST_POINTS:]
            for name in reader.metric_names()
            if name.startswith("val/")
        }
    try:
        return Facts.from_plain(events[-1].data, curves)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreDamaged(path, f"the facts of its last attempt are not what a run records: {error!r}") from error

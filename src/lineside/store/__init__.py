"""What a run leaves behind: its directory, records, metrics and inbox, and the reader of all of them.

One process writes a run, the holder of its lock; everybody else opens it read-only (`RunReader`) or posts a request
(`Inbox`). Nothing here needs more than the standard library. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineside.store.append import locked_append
    from lineside.store.catalogue import find_runs, newest_resumable, resolve_run
    from lineside.store.directory import RunDirectory
    from lineside.store.inbox import Inbox
    from lineside.store.reader import RunReader
    from lineside.store.run_record import RunRecord
    from lineside.store.series import Point, Series
    from lineside.store.writer import StoreWriter

_HOMES = {
    "Inbox": "lineside.store.inbox",
    "Point": "lineside.store.series",
    "RunDirectory": "lineside.store.directory",
    "RunReader": "lineside.store.reader",
    "RunRecord": "lineside.store.run_record",
    "Series": "lineside.store.series",
    "StoreWriter": "lineside.store.writer",
    "find_runs": "lineside.store.catalogue",
    "locked_append": "lineside.store.append",
    "newest_resumable": "lineside.store.catalogue",
    "resolve_run": "lineside.store.catalogue",
}
__all__ = [
    "Inbox",
    "Point",
    "RunDirectory",
    "RunReader",
    "RunRecord",
    "Series",
    "StoreWriter",
    "find_runs",
    "locked_append",
    "newest_resumable",
    "resolve_run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lineside.store' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

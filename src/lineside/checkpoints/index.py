"""`index.json`: what a run's checkpoints are, at a glance, and who has pinned which. Rebuilt from the manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineside.checkpoints.documents import seal, unseal
from lineside.checkpoints.format import FORMAT_VERSION, Manifest
from lineside.files import write_atomic

INDEX = "index.json"
_LIMIT = 64 << 20


@dataclass(frozen=True)
class Index:
    """What is kept of it when it is read: the manifests know the rest better."""

    run_id: str
    names: frozenset[str]
    pins: Mapping[str, str]


def best_of(entries: Sequence[Manifest]) -> Manifest | None:
    """Return the newest that is tagged ``best``; `entries` are sorted, oldest first."""
    return next((entry for entry in reversed(entries) if "best" in entry.tags), None)


def last_of(entries: Sequence[Manifest]) -> Manifest | None:
    """Return the newest; `entries` are sorted, oldest first."""
    return entries[-1] if entries else None


def resumable_of(entries: Sequence[Manifest]) -> Manifest | None:
    """Return the newest from which a run can go on; `entries` are sorted, oldest first."""
    return next((entry for entry in reversed(entries) if entry.resumable), None)


def write_index(root: Path, run_id: str, entries: Sequence[Manifest], pins: Mapping[str, str]) -> None:
    """Write the index, atomically.

    Raises:
        OSError: the disk is full, or failing; the old index stays.
    """
    best, last = best_of(entries), last_of(entries)
    data: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "run_id": run_id,
        "best": best.name if best else None,
        "last": last.name if last else None,
        "pins": dict(pins),
        "entries": [_row(entry) for entry in entries],
    }
    write_atomic(root / INDEX, seal(data, INDEX))


def read_index(root: Path) -> Index | None:
    """Read the index, or return None where it is missing or damaged: nothing depends on it that cannot be rebuilt.

    Raises:
        OSError: it exists and cannot be read.
    """
    path = root / INDEX
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LIMIT:
        return None
    try:
        data = unseal(path.read_bytes())
        names = frozenset(str(entry["name"]) for entry in data["entries"])
        pins = {str(owner): str(name) for owner, name in data["pins"].items()}
        return Index(str(data["run_id"]), names, pins)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _row(entry: Manifest) -> dict[str, Any]:
    return {
        "name": entry.name,
        "step": entry.step,
        "epoch": entry.epoch,
        "created": entry.created,
        "tags": list(entry.tags),
        "weights": entry.weights,
        "metrics": {name: record.value for name, record in entry.metrics.items()},
        "bytes": sum(record.size for record in entry.files.values()),
        "standalone": list(entry.standalone),
    }

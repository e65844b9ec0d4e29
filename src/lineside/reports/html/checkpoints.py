"""The checkpoints that are kept, and why each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineside.checkpoints.format import Manifest, MetricRecord
from lineside.checkpoints.index import best_of, last_of
from lineside.reports.html.evidence import Evidence
from lineside.reports.html.result import Outcome
from lineside.reports.html.wording import Wording

_MOST = 100
_MOST_METRICS = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """One checkpoint.

    Attributes:
        name: of its directory.
        step: at which it was made.
        epoch: from 0.
        created: seconds since 1970.
        size: bytes of all its files.
        tags: the words that it was saved with.
        metrics: those that count most, with their values.
        why: reasons to keep it.
        resumable: whether a run can go on from it.
        weights: which weights the metrics are of: ``raw``, ``ema``, ….
    """

    name: str
    step: int
    epoch: int
    created: float
    size: int
    tags: Sequence[str]
    metrics: Mapping[str, float]
    why: Sequence[str]
    resumable: bool
    weights: str


def checkpoints(evidence: Evidence, found: Sequence[Outcome], wording: Wording) -> list[Kept]:
    """Return the newest checkpoints, by step, the latest last."""
    entries = evidence.checkpoints.entries
    names = [one.metric for one in found]
    return [_kept(evidence, entry, names, wording) for entry in entries[-_MOST:]]


def saved(evidence: Evidence) -> int:
    """Return how many checkpoints were committed, those that are gone included."""
    return sum(event.kind == "checkpoint" for event in evidence.history)


def _kept(evidence: Evidence, entry: Manifest, names: Sequence[str], wording: Wording) -> Kept:
    at_commit: Mapping[str, MetricRecord] = entry.metrics
    shown = [name for name in names if name in at_commit][:_MOST_METRICS]
    return Kept(
        name=entry.name,
        step=entry.step,
        epoch=entry.epoch,
        created=datetime.fromisoformat(entry.created).timestamp(),
        size=sum(record.size for record in entry.files.values()),
        tags=[wording.shortened(tag) for tag in entry.tags],
        metrics={name: at_commit[name].value for name in shown},
        why=list(_why(evidence, entry, wording)),
        resumable=entry.resumable,
        weights=wording.shortened(entry.weights),
    )


def _why(evidence: Evidence, entry: Manifest, wording: Wording) -> list[str]:
    """Return why a checkpoint is there; retention itself is not recorded, so what no other reason keeps, it keeps."""
    catalog, why = evidence.checkpoints, []
    if entry == best_of(catalog.entries):
        why.append(wording("the best", "最佳"))
    if entry == last_of(catalog.entries):
        why.append(wording("the newest", "最新"))
    holders = sorted(owner.removeprefix("tag:") for owner, name in catalog.pins.items() if name == entry.name)
    why += [wording(f"pinned by {owner}", f"由 {owner} 固定") for owner in map(wording.shortened, holders)]
    if any(other.parent == entry.name for other in catalog.entries):
        why.append(wording("resumed from", "由此恢复训练"))
    return why or [wording("retention", "保留策略")]

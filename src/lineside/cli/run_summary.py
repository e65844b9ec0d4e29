"""All that is told of one run, read at one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.format import Manifest
from lineside.cli.decisions import Decision
from lineside.cli.last_words import LastWords, alert_document
from lineside.cli.metric_names import headline, in_order, selected
from lineside.cli.metric_summary import MetricSummary
from lineside.cli.standing import Standing
from lineside.dispatch.profile import CallbackCost, recorded_costs
from lineside.errors import NoRecords, StoreError
from lineside.outbox.standing import OutboxStanding
from lineside.store.directory import RunDirectory
from lineside.store.entries import Attempt, Event
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord

CHART_POINTS = 400
"""Points of a curve that is drawn as a chart: two for each column of dots in the widest."""
FEW_POINTS = 100
"""Points of a curve that is drawn in one line."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run.

    Attributes:
        names: of all its metrics, in order for people.
        metrics: those that were asked for.
        evaluations: numbers of attempts behind the end of the training, which trained nothing.
        costs: what each callback cost in the newest attempt that came to its end.
        outbox: what was delivered, and what waits.
        outbox_error: why that is not known.
        last_words: of a run that did not come to its end; None of others.
    """

    run: RunDirectory
    record: RunRecord
    standing: Standing
    checkpoints: Catalog
    names: Sequence[str] = ()
    metrics: Sequence[MetricSummary] = ()
    decisions: Sequence[Decision] = ()
    alerts: Sequence[Event] = ()
    attempts: Sequence[Attempt] = ()
    evaluations: frozenset[int] = frozenset()
    costs: Sequence[CallbackCost] = ()
    outbox: OutboxStanding = field(default_factory=OutboxStanding)
    outbox_error: str | None = None
    last_words: LastWords | None = None

    @classmethod
    def read(cls, run: RunDirectory, wanted: Sequence[str] = (), most: int | None = None) -> Self:
        """Read a run.

        Args:
            run: its directory.
            wanted: names, aliases or patterns of metrics; all unless given.
            most: metrics to read at most, where none is asked for.

        Raises:
            MetricNotFound: a metric that is wanted is not there.
            StoreError: a file of the run is damaged, or cannot be read now.
        """
        record = run.read_record()
        about = (run, record, Standing.of(run, record), Catalog(run.checkpoints, run.name))
        try:
            with RunReader.open(run.path) as reader:
                return cls._recorded(about, reader, wanted, most)
        except NoRecords:
            return cls(*about, **_outbox(run))

    @classmethod
    def _recorded(
        cls,
        about: tuple[RunDirectory, RunRecord, Standing, Catalog],
        reader: RunReader,
        wanted: Sequence[str],
        most: int | None,
    ) -> Self:
        run, record, standing, catalog = about
        names = in_order(reader.metric_names())
        chosen = selected(wanted, names) if wanted else names[:most]
        charted = chosen if wanted else headline(chosen)
        read = [MetricSummary.read(reader, name, CHART_POINTS if name in charted else FEW_POINTS) for name in chosen]
        metrics = [metric for metric in read if metric is not None]
        ends = reader.events("end", attempts="all")
        return cls(
            run,
            _up_to(record, metrics),
            standing,
            catalog,
            names=names,
            metrics=metrics,
            decisions=[Decision(entry) for entry in reader.requests()],
            alerts=reader.events("alert"),
            attempts=reader.attempts(),
            evaluations=reader.evaluations(),
            costs=recorded_costs(ends[-1].data.get("costs")) if ends else (),
            **_outbox(run),
            last_words=LastWords.read(reader, record, metrics) if standing.died else None,
        )

    @property
    def trainings(self) -> Sequence[Attempt]:
        """The attempts that are goes at the training."""
        return [attempt for attempt in self.attempts if attempt.number not in self.evaluations]

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        record = self.record
        return {
            "run": self.run.name,
            "project": self.run.project,
            "path": str(self.run.path),
            "name": record.name,
            "state": self.standing.state,
            "silent": self.standing.silent,
            **{
                field: getattr(record, field)
                for field in (
                    *("reason", "created", "updated", "host", "pid", "attempt", "seed", "parent"),
                    *("progress", "hparams", "environment", "git"),
                )
            },
            "attempts": [asdict(one) | {"evaluates": one.number in self.evaluations} for one in self.attempts],
            "metrics": [metric.document() for metric in self.metrics],
            "decisions": [decision.document() for decision in self.decisions],
            "alerts": [alert_document(alert) for alert in self.alerts],
            "outbox": self.outbox.document() | {"error": self.outbox_error},
            "checkpoints": [self._checkpoint(manifest) for manifest in self.checkpoints.entries],
            "costs": [asdict(cost) for cost in self.costs],
            "last_words": None if self.last_words is None else self.last_words.document(),
        }

    def _checkpoint(self, manifest: Manifest) -> dict[str, Any]:
        best, last = self.checkpoints.best, self.checkpoints.last
        return {
            "name": manifest.name,
            "step": manifest.step,
            "epoch": manifest.epoch,
            "created": manifest.created,
            "tags": list(manifest.tags),
            "bytes": bytes_of(manifest),
            "best": best is not None and best.name == manifest.name,
            "last": last is not None and last.name == manifest.name,
            "resumable": manifest.resumable,
            "metrics": {name: record.value for name, record in manifest.metrics.items()},
        }


def bytes_of(manifest: Manifest) -> int:
    """Return how much a checkpoint takes on the disk."""
    return sum(record.size for record in manifest.files.values())


def _outbox(run: RunDirectory) -> dict[str, Any]:
    """Return how the outbox stands. One that is damaged hides nothing of the run."""
    try:
        return {"outbox": OutboxStanding.read(run.path)}
    except StoreError as error:
        return {"outbox_error": str(error)}


def _up_to(record: RunRecord, metrics: Sequence[MetricSummary]) -> RunRecord:
    """Return a record that is as far as the newest values: it is written seldom, and a process may die in between."""
    progress = dict(record.progress)
    for key in ("step", "epoch"):
        reached = [getattr(metric.last, key) for metric in metrics]
        if type(known := progress.get(key)) is int:
            progress[key] = max([known, *reached])
    return replace(record, progress=progress)

"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from lineside.cli.metric_names import in_order, selected
from lineside.cli.metric_summary import MetricSummary
from lineside.cli.standing import Standing
from lineside.errors import NoRecords
from lineside.store.directory import RunDirectory
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord

_FEWEST_POINTS = 4
"""Of a curve that is read for its extremes alone."""

Rows = Mapping[str, Sequence[Any]]
"""A value for each run, by what is compared; None where a run has none."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Attributes:
        runs: the runs, in the order in which they were named.
        metrics: by name, one of each run.
    """

    runs: Sequence[RunDirectory]
    records: Sequence[RunRecord]
    standings: Sequence[Standing]
    metrics: Mapping[str, Sequence[MetricSummary | None]]

    @classmethod
    def read(cls, runs: Sequence[RunDirectory], wanted: Sequence[str] = ()) -> Self:
        """Read the runs.

        Args:
            runs: at least one.
            wanted: names, aliases or patterns of metrics; all but those of batches and times unless given.

        Raises:
            MetricNotFound: no run has a metric that is wanted.
            StoreError: a file of a run is damaged, or cannot be read now.
        """
        records = [run.read_record() for run in runs]
        known = [_names(run) for run in runs]
        names = in_order(set().union(*known))
        chosen = selected(wanted, names) if wanted else [name for name in names if not name.startswith(_DETAILS)]
        metrics: dict[str, list[MetricSummary | None]] = {name: [] for name in chosen}
        for run, there in zip(runs, known, strict=True):
            found = _metrics(run, [name for name in chosen if name in there])
            for name in chosen:
                metrics[name].append(found.get(name))
        standings = [Standing.of(run, record) for run, record in zip(runs, records, strict=True)]
        return cls(runs, records, standings, metrics)

    @property
    def hparams(self) -> Rows:
        """Hyper-parameters; those of a group within them as ``group.name``."""
        return _rows([_flat(record.hparams) for record in self.records])

    @property
    def environment(self) -> Rows:
        """Where and with what the runs were made."""
        return _rows([_environment(record) for record in self.records])

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "runs": [
                {"run": run.name, "project": run.project, "path": str(run.path), "state": standing.state}
                for run, standing in zip(self.runs, self.standings, strict=True)
            ],
            "metrics": {
                name: [None if metric is None else metric.document() for metric in metrics]
                for name, metrics in self.metrics.items()
            },
            "hparams": dict(self.hparams),
            "environment": dict(self.environment),
        }


_DETAILS = ("batch/", "time/", "system/", "gradients/")
"""Metrics that are many, and are not what a run is judged by."""


def differing(rows: Rows) -> Rows:
    """Return the rows in which not all values are equal."""
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values[1:])}


def _names(run: RunDirectory) -> list[str]:
    with suppress(NoRecords), RunReader.open(run.path) as reader:
        return reader.metric_names()
    return []


def _metrics(run: RunDirectory, names: Sequence[str]) -> dict[str, MetricSummary]:
    if not names:
        return {}
    with RunReader.open(run.path) as reader:
        read = {name: MetricSummary.read(reader, name, _FEWEST_POINTS) for name in names}
    return {name: metric for name, metric in read.items() if metric is not None}


def _rows(columns: Sequence[Mapping[str, Any]]) -> Rows:
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return flat


def _environment(record: RunRecord) -> dict[str, Any]:
    environment = {key: value for key, value in record.environment.items() if key not in ("argv", "packages")}
    packages = record.environment.get("packages")
    return {
        "seed": record.seed,
        **{f"git.{key}": value for key, value in (record.git or {}).items()},
        **environment,
        **(packages if isinstance(packages, dict) else {}),
        "argv": record.environment.get("argv"),
    }

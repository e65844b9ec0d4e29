"""Metrics as files that any program reads: ``metrics.csv`` and ``metrics.jsonl`` in the run's directory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

from lineside.callback import CallbackOptions
from lineside.errors import OptionError
from lineside.metrics import Scalar
from lineside.ports import LogRow, RunView
from lineside.reports.row_files import CsvFile, JsonlFile, RowFile
from lineside.sink import Records, Sink


class LogMetricsCallback(Sink):
    """Writes a line for each epoch, and for each batch if asked to.

    A file only ever holds whole lines, also after kill -9. Where a run resumes, lines that were written after its
    checkpoint are taken away, so that nothing stands twice.

    Values that come at one step of one epoch share a line; a validation in mid-epoch has a line of its own, and so has
    a value that comes after the end of its epoch. Epochs count from 0, as `run.epoch` does.

    Args:
        csv: write ``metrics.csv``. A metric that appears later gets a new column; lines without it leave it empty.
            Values that are not finite are written as ``nan``, ``inf`` and ``-inf``, which pandas reads.
        jsonl: write ``metrics.jsonl``, one object a line, without the keys that have no value. Values that are not
            finite are the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``: JSON has no numbers for them, and
            `float` of Python and ``Number`` of JavaScript read these.
        batches: also write the values of each batch, as ``batch/<metric>``.
        options: those of every callback; a second one in the same run needs another ``name``, and its files bear it.

    Raises:
        OptionError: neither file is wanted.
    """

    def __init__(
        self, *, csv: bool = True, jsonl: bool = True, batches: bool = False, **options: Unpack[CallbackOptions]
    ) -> None:
        super().__init__(**options)
        if not (csv or jsonl):
            raise OptionError(f"{self.name}: csv=False and jsonl=False leave nothing to write; use enabled=False.")
        self.csv = csv
        self.jsonl = jsonl
        self.batches = batches
        self._open: tuple[int, int, float, dict[str, Scalar]] | None = None
        self._ready: list[LogRow] = []
        self._files: list[RowFile] = []
        self._kept: Mapping[str, int] = {}

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._open, self._ready, self._files, self._kept = None, [], [], {}

    def on_train_start(self, run: RunView) -> None:
        """Open the files: new ones, or those of a resumed run, rewound to its checkpoint."""
        self._open_files(run, up_to=run.step if run.attempt > 1 else -math.inf)

    def _open_files(self, run: RunView, up_to: float) -> None:
        stem = "metrics" if self.name == LogMetricsCallback.name else self.name
        kinds = [kind for kind, wanted in ((CsvFile, self.csv), (JsonlFile, self.jsonl)) if wanted]
        self._files = [kind(run.dir / f"{stem}.{kind.suffix}") for kind in kinds]
        for file in self._files:
            file.rewind(self._kept.get(file.path.name), up_to)

    def write(self, records: Records, run: RunView) -> None:
        """Write rows; of values of an epoch, those that came at one step become one row."""
        for row in records.rows:
            step, epoch, time, given = row
            of_batch = any(name.startswith("batch/") for name in given)
            if of_batch and not self.batches:
                continue
            if not of_batch and self._open is not None and _belongs(row, self._open):
                self._open[3].update(given)
                continue
            self._finish_row()
            if of_batch:
                self._ready.append(row)
            else:
                self._open = (step, epoch, time, dict(given))
        self._flush()

    def _finish_row(self) -> None:
        if self._open is not None:
            self._ready.append(self._open)
            self._open = None

    def _flush(self) -> None:
        if self._files and self._ready:
            rows, self._ready = self._ready, []
            for file in self._files:
                file.append(rows)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Write all that belongs to the epoch."""
        self._finish_row()
        self._flush()

    def on_teardown(self, run: RunView) -> None:
        """Write the rest, that of a test outside of training included."""
        self._finish_row()
        if self._ready and not self._files:
            self._open_files(run, up_to=math.inf)
        self._flush()

    def state_dict(self) -> dict[str, Any]:
        """Return how many lines each file has, for a resumed run to keep, and the row that is not yet written."""
        return {
            "lines": {file.path.name: file.lines for file in self._files},
            "open": None if self._open is None else list(self._open),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._kept = dict(state["lines"])
        if state["open"] is not None:
            step, epoch, time, values = state["open"]
            self._open = (step, epoch, time, dict(values))


def _belongs(row: LogRow, to: LogRow) -> bool:
    return row[:2] == to[:2] and row[3].keys().isdisjoint(to[3])

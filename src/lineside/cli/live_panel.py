"""The panel below a run that is followed: how far it is, how fast, its newest values, its curves."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

from lineside.cli.amounts import count, number, span
from lineside.cli.how_far import HowFar
from lineside.cli.metric_names import headline, in_order
from lineside.cli.metric_summary import MetricSummary
from lineside.cli.standing import Standing
from lineside.cli.terminal import printable
from lineside.errors import NoRecords, StoreUnavailable
from lineside.language import text
from lineside.reports.terminal_chart import Frame, chart
from lineside.store.directory import RunDirectory
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord

_WIDEST: Final = 100
_ROWS: Final = 6
_MAX_POINTS: Final = 400
_MOST_VALUES: Final = 8
_LOOKS: Final = 60
"""Looks over which the speed is taken."""


class LivePanel:
    """Draws one run again and again.

    Args:
        run: its directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._places: deque[tuple[float, int]] = deque(maxlen=_LOOKS)
        self._metrics: list[MetricSummary] = []

    def drawn(self, out: Console, record: RunRecord, standing: Standing) -> RenderableType:
        """Return the panel for this moment."""
        with suppress(NoRecords, StoreUnavailable):  # what was read before stays
            self._metrics = self._read()
        far = self._newest(HowFar.of(record.progress, standing.state), standing)
        step = self._look(record, far)
        width = min(out.width, _WIDEST)
        parts: list[RenderableType] = [Text(), self._title(standing, far, step)]
        steps = self._planned(far)
        if steps and step is not None:
            parts.append(_bar(min(1.0, step / steps), width, ascii_only=out.options.ascii_only))
        charted = headline([metric.name for metric in self._metrics])
        values = [metric for metric in self._metrics if metric.name not in charted][:_MOST_VALUES]
        if values:
            parts.append(
                Text("  ".join(f"{printable(each.name)} {number(each.last.value)}" for each in values), "bold")
            )
        if (drawing := self._chart(width, ascii_only=out.options.ascii_only)) is not None:
            parts.append(drawing)
        return Group(*parts)

    def _read(self) -> list[MetricSummary]:
        with RunReader.open(self._run.path) as reader:
            names = in_order(reader.metric_names())
            wanted = [*headline(names), *(name for name in names if name.startswith(("lr", "batch/")))]
            read = [MetricSummary.read(reader, name, _MAX_POINTS) for name in dict.fromkeys(wanted)]
        return [metric for metric in read if metric is not None]

    def _newest(self, far: HowFar, standing: Standing) -> HowFar:
        """Return how far a run is that lives: records of batches are newer than what it says of itself."""
        epochs = [metric.last.epoch + 1 for metric in self._metrics if metric.name.startswith("batch/")]
        return replace(far, epoch=max(far.epoch or 1, *epochs)) if epochs and standing.live else far

    def _look(self, record: RunRecord, far: HowFar) -> int | None:
        """Note where the run is, and return its step."""
        newest = max((metric.last for metric in self._metrics), key=lambda point: point.step, default=None)
        if newest is not None and newest.step >= (far.step or 0):
            place = newest.time, newest.step
        elif far.step is not None:
            place = record.updated, far.step
        else:
            return None
        if not self._places or place > self._places[-1]:
            self._places.append(place)
        return place[1]

    def _speed(self) -> float | None:
        """Return optimizer steps a second."""
        if len(self._places) < 2:
            return None
        (began, first), (ended, last) = self._places[0], self._places[-1]
        return (last - first) / (ended - began) if ended > began and last > first else None

    def _planned(self, far: HowFar) -> int | None:
        """Return how many optimizer steps the whole training takes; of epochs, as many as those that are over took."""
        if far.steps is not None or not far.epochs:
            return far.steps
        over = next((each.last for each in self._metrics if each.name.startswith("train/")), None)
        return None if over is None else round(over.step / (over.epoch + 1) * far.epochs)

    def _title(self, standing: Standing, far: HowFar, step: int | None) -> Text:
        parts = [text(f"epoch {far.epoch_text}", f"第 {far.epoch_text} 轮")] if far.epoch_text else []
        if step is not None:
            planned = "" if far.steps is None else f"/{count(far.steps)}"
            parts.append(text(f"step {count(step)}{planned}", f"第 {count(step)}{planned} 步"))
        speed, planned_steps = self._speed(), self._planned(far)
        if speed is not None and standing.live:
            parts.append(text(f"{number(speed)} steps/s", f"每秒 {number(speed)} 步"))
            if planned_steps is not None and step is not None:
                left = span((planned_steps - step) / speed)
                parts.append(text(f"{left} left", f"还需 {left}"))
        return Text("  ").join([standing.sentence(), *map(Text, parts)])

    def _chart(self, width: int, *, ascii_only: bool) -> Text | None:
        telling = headline([metric.name for metric in self._metrics])
        curves = {printable(each.name): each.curve for each in self._metrics if each.name in telling}
        frame = Frame.around(curves.values(), may_be_log=True)
        return None if frame is None else chart(curves, frame, width, _ROWS, ascii_only=ascii_only)


def _bar(share: float, width: int, *, ascii_only: bool) -> Text:
    done, open_ = ("=", "-") if ascii_only else ("━", "━")
    filled = round(share * width)
    return Text().append(done * filled, "cyan").append(open_ * (width - filled), "bright_black")

"""Training curves as pictures that grow with the run, drawn outside of the training process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import MissingDependency, OptionError, nearest
from lineside.language import language
from lineside.monitor import direction
from lineside.ports import RunView
from lineside.reports.epoch_line import epoch_label
from lineside.units import Duration, Trigger

_FORMATS = ("png", "svg")
_NO_CURVE = ("time/", "system/", "test/", "classes/", "gradients/", "update_ratio/")
_MOST_CUTS = 12
"""A rate that falls more often than this follows a schedule, and marks would only hide the curves."""

_REST = 5.0
"""Seconds between two drawings, each of which takes another core for about a second; a short epoch waits its turn."""

Point = list[Any]
"""Step, epoch from 0, value."""


class PlotTrainingCurveCallback(Callback):
    """Draws ``plots/training_curve.png`` and ``.svg`` in the run's directory: one panel for each metric.

    Training and validation share a panel, and the loss is on a logarithmic scale where it spans decades. Marked are
    cuts of the learning rate, an early stop, and the best value: that of the metric that the first callback with a
    ``monitor`` watches, or of the loss. A resumed run shows the whole curve.

    Args:
        every: how often to draw, beside the end of the training; at most every five seconds.
        formats: ``"png"``, ``"svg"`` or both.
        metrics: names to draw; those of training and validation, the learning rate and what else is logged, unless
            given.
        options: the common ones of all callbacks; a second one in the same run needs another ``name``, and its files
            bear it.

    Raises:
        MissingDependency: matplotlib is not installed.
        OptionError: a format is unknown, or `every` is no duration.
    """

    background = True
    # The helper process is given as long: on a busy machine it takes a while to load matplotlib.
    close_timeout = 30.0

    def __init__(
        self,
        *,
        every: str = "1 epoch",
        formats: Sequence[str] = _FORMATS,
        metrics: Sequence[str] | None = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if find_spec("matplotlib") is None:
            raise MissingDependency(type(self).__name__, "matplotlib", "plots")
        if isinstance(formats, str) or not formats or not set(formats) <= set(_FORMATS):
            hint = nearest(str(next(iter(formats), "")), _FORMATS)
            raise OptionError(f"{self.name}: formats={formats!r}.{hint} Give a list of 'png' and 'svg'.")
        if isinstance(metrics, str):
            raise OptionError(f"{self.name}: metrics={metrics!r} must be a list of names, such as [{metrics!r}].")
        self.every = every
        self.formats = tuple(formats)
        self.metrics = metrics
        self._duration = Duration.parse(every, f"{self.name}: every")
        self._start_anew()

    def _start_anew(self) -> None:
        self._trigger = Trigger(self._duration)
        self._history: dict[str, list[Point]] = {}
        self._seen = 0
        self._undrawn = False
        self._drawn_at: float | None = None

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_val_end(self, run: RunView) -> None:
        """Collect; a drawing that is due by epochs waits for the end of this one."""
        self._collect(run)
        if self._duration.unit != "epochs":
            self._draw_if_due(run)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Collect what is new, and draw if it is time."""
        self._collect(run)
        self._draw_if_due(run)

    def on_train_end(self, run: RunView) -> None:
        """Draw the whole, with the reason of the end."""
        self._collect(run)
        self._draw(run)

    def on_teardown(self, run: RunView) -> None:
        """Draw what a failure or an interrupt has left undrawn."""
        self._collect(run)
        if self._undrawn:
            self._draw(run)

    def _collect(self, run: RunView) -> None:
        chosen = None if self.metrics is None else {run.metrics.resolve(name) for name in self.metrics}
        newest = self._seen
        for name in run.metrics:
            wanted = not name.startswith(_NO_CURVE) if chosen is None else name in chosen
            point = run.metrics.point(name)
            if wanted and point is not None and point.serial > self._seen:
                self._history.setdefault(name, []).append([point.step, point.epoch, point.value])
                self._undrawn = True
                newest = max(newest, point.serial)
        self._seen = newest

    def _draw_if_due(self, run: RunView) -> None:
        rested = self._drawn_at is None or run.elapsed - self._drawn_at >= _REST
        if self._trigger.fires(run) and rested:
            self._draw(run)

    def _draw(self, run: RunView) -> None:
        if not self._history:
            return
        self._undrawn, self._drawn_at = False, run.elapsed
        stem = "training_curve" if self.name == PlotTrainingCurveCallback.name else self.name
        paths = {f"path_{form}": str(run.dir / "plots" / f"{stem}.{form}") for form in self.formats}
        early = run.reason is not None and run.total_epochs is not None and run.epochs_done < run.total_epochs
        end = max(points[-1][:2] for points in self._history.values())
        marks = {
            "best": self._best(run),
            "lr_cuts": self._cuts(),
            "stopped": end if early else None,
        }
        arguments = {
            "series": self._history,
            "path_png": None,
            "path_svg": None,
            **paths,
            "title": f"{run.project} / {run.name}",
            "subtitle": run.reason if run.reason is not None else epoch_label(run),
            "marks": marks,
            "language": language(),
        }
        run.offload("lineside.reports.curves:draw", arguments, key=self.name)

    def _best(self, run: RunView) -> Point | None:
        """Return metric, step, epoch and value of the best finite point."""
        name, mode = self._monitored(run)
        finite = [point for point in self._history.get(name, ()) if math.isfinite(point[2])]
        if not finite:
            return None
        try:
            better = min if direction(name, mode) == "min" else max
        except OptionError:  # nobody can tell which way this metric should go
            return None
        return [name, *better(finite, key=lambda point: point[2])]

    def _monitored(self, run: RunView) -> tuple[str, Any]:
        for one in run.callbacks:
            monitor = one.options.get("monitor")
            known = run.metrics.resolve(monitor) if isinstance(monitor, str) and one.enabled else None
            if known in self._history:
                return known, one.options.get("mode", "auto")
        return "val/loss" if "val/loss" in self._history else "train/loss", "min"

    def _cuts(self) -> list[list[int]]:
        """Return where the learning rate fell after it had stood still."""
        rates = next((points for name, points in self._history.items() if name.partition("/")[0] == "lr"), [])
        cuts = [
            [step, epoch]
            for (_, _, before), (_, _, old), (step, epoch, new) in zip(rates, rates[1:], rates[2:], strict=False)
            if new < old == before
        ]
        return cuts if len(cuts) <= _MOST_CUTS else []

    def state_dict(self) -> dict[str, Any]:
        """Return the curves, so that a resumed run shows them whole."""
        history = {name: [list(point) for point in points] for name, points in self._history.items()}
        return {
            "history": history,
            "seen": self._seen,
            "mark": self._trigger.mark,
            "undrawn": self._undrawn,
            "drawn_at": self._drawn_at,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._history = {name: [list(point) for point in points] for name, points in state["history"].items()}
        self._seen, self._undrawn, self._drawn_at = state["seen"], state["undrawn"], state["drawn_at"]
        self._trigger.mark = state["mark"]

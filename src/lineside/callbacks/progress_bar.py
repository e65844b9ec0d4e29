"""Live progress: a bar in a terminal, a widget in a notebook, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import OptionError, nearest
from lineside.language import text
from lineside.ports import RunView
from lineside.reports.epoch_line import epoch_label, epoch_line, number, short
from lineside.reports.progress_display import Display, Kind, PlainDisplay, Standing, choose
from lineside.units import Duration

_KINDS = ("auto", "terminal", "notebook", "plain")


class ProgressBar(Callback):
    """Shows the epoch, the batch, the loss and how long the training will still take.

    A batch costs a look at the clock. Only when it is time to refresh are values read, which waits for the device. At
    the end of an epoch a line with its metrics stays, unless a TrainingMonitor writes one.

    Args:
        refresh: time between two refreshes of a bar.
        lines: time between two lines where no bar can be drawn.
        metrics: values of the batch to show.
        display: ``"terminal"``, ``"notebook"`` or ``"plain"``; ``"auto"`` looks where the output goes.
        stream: where to draw; ``sys.stdout`` unless given.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range.
        MissingDependency: ``display="notebook"`` without tqdm and ipywidgets.
    """

    # Where a host has no such stage there is nothing to be shown of it.
    optional_hooks = frozenset({"on_val_batch_end", "on_test_batch_end", "on_predict_batch_end"})

    def __init__(
        self,
        *,
        refresh: str = "0.1 s",
        lines: str = "10 s",
        metrics: Sequence[str] = ("loss",),
        display: Kind = "auto",
        stream: TextIO | None = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if display not in _KINDS:
            raise OptionError(f"{self.name}: display={display!r}.{nearest(str(display), _KINDS)} Use one of {_KINDS}.")
        if isinstance(metrics, str):
            raise OptionError(f"{self.name}: metrics={metrics!r} must be a list of names, such as [{metrics!r}].")
        self.refresh = refresh
        self.lines = lines
        self.metrics = metrics
        self.display = display
        self.stream = stream
        self._clock: Callable[[], float] = time.monotonic
        self._bar_seconds = self._seconds("refresh", refresh)
        self._line_seconds = self._seconds("lines", lines)
        self._shown: Display = choose(display, stream)
        self._start_anew(self._shown)

    def _seconds(self, option: str, value: str) -> float:
        duration = Duration.parse(value, f"{self.name}: {option}")
        if duration.unit != "seconds":
            raise OptionError(f"{self.name}: {option}={value!r} must be a time, such as '0.1 s'.")
        return duration.amount

    def _start_anew(self, display: Display) -> None:
        self._shown = display
        # A bar is there from the first batch; the first line comes when there is something to tell.
        self._silent = isinstance(display, PlainDisplay)
        self._interval = self._line_seconds if self._silent else self._bar_seconds
        self._due = -math.inf
        self._began: tuple[float, float] | None = None
        self._share: float | None = None

    def on_setup(self, run: RunView) -> None:
        """Look where the output goes; it may be elsewhere than in an earlier fit."""
        self._shown.close()
        self._start_anew(choose(self.display, self.stream))

    def on_batch_end(self, run: RunView) -> None:
        """Refresh, if it is time."""
        if self._clock() >= self._due:
            self._refresh(run)

    on_val_batch_end = on_test_batch_end = on_predict_batch_end = on_batch_end

    def _refresh(self, run: RunView) -> None:
        eta = self._eta(run)
        if not self._silent:
            values = "  ".join(self._values(run))
            self._shown.update(Standing(_stage_label(run), run.batch + 1, run.total_batches, values, eta))
        self._silent = False
        # Counted from now on: where drawing is slow, as over a bad line, training still gets its time.
        self._due = self._clock() + self._interval

    def _values(self, run: RunView) -> Iterator[str]:
        for name in self.metrics:
            known = run.batch_metrics.resolve(name)
            if known is not None:
                yield f"{short(known)} {number(run.batch_metrics[known])}"

    def _eta(self, run: RunView) -> float | None:
        """Return the seconds until the end of the training at the mean speed of this attempt, validations included."""
        if run.stage == "train":
            self._share = _share_done(run)
        if self._share is None:
            return None
        if self._began is None:
            self._began = (self._share, run.elapsed)
        share, elapsed = self._share - self._began[0], run.elapsed - self._began[1]
        return (1 - self._share) * elapsed / share if share > 0 else None

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Leave a line with the metrics of the epoch."""
        if not any(one.kind == "TrainingMonitor" and one.enabled for one in run.callbacks):
            self._shown.say(epoch_line(run))

    def on_train_end(self, run: RunView) -> None:
        """Take the bar away."""
        self._shown.close()

    def on_exception(self, run: RunView, error: BaseException) -> None:
        """Take the bar away before the traceback comes."""
        self._shown.close()

    def on_teardown(self, run: RunView) -> None:
        """Take the bar away."""
        self._shown.close()


def _stage_label(run: RunView) -> str:
    words = {
        "val": text("validation", "验证"),
        "test": text("test", "测试"),
        "predict": text("prediction", "预测"),
    }
    if run.stage in ("test", "predict"):
        return words[run.stage]
    return "  ".join([epoch_label(run), *([words["val"]] if run.stage == "val" else [])])


def _share_done(run: RunView) -> float | None:
    """Return which share of the training is done, where that can be known."""
    if run.total_steps:
        return run.step / run.total_steps
    if run.total_epochs and run.total_batches:
        return (run.epoch + (run.batch + 1) / run.total_batches) / run.total_epochs
    return None

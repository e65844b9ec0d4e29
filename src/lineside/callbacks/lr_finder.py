"""Find a learning rate by trying rates out before the training begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, Unpack, get_args

from lineside.callback import Callback, CallbackOptions, OnError, Ranks
from lineside.errors import AttachError, MissingDependency, MonitorError, OptionError, nearest
from lineside.language import language, text
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.ramps import ramp
from lineside.reports.range_test import FEWEST, RangeTest, Suggestion

Mode = Literal["exponential", "linear"]
Then = Literal["stop", "apply", "continue"]

_FORMATS = ("png", "svg")


class LRFinder(Callback):
    """The learning-rate range test: trains some steps with a rate that grows, and suggests one.

    It is Smith (2015), "Cyclical Learning Rates for Training Neural Networks", section 3.3, and takes place before the
    first batch of the training. The steps go through the ordinary training loop, but only this callback sees them, and
    they are undone: weights, optimizer, schedulers, generators, counters and the order of the data are put back, so
    that the training goes on bit for bit as without them. Small data is gone through several times.

    Suggested is the rate at which the smoothed loss falls most steeply, or none, with the reason. The curve is drawn
    into ``plots/lr_finder.png`` and ``.svg`` in the run's directory. Where parameter groups have different rates, that
    of the first group is tried and suggested, and the others keep their proportion to it.

    A run that is interrupted or killed in the test repeats it when it is resumed; one that has done it does not.

    Args:
        min_lr: the first rate to try.
        max_lr: the last one.
        steps: how many rates, one for each step of the optimizer.
        mode: ``"exponential"`` grows by equal factors, ``"linear"`` by equal differences.
        stop_factor: end early when the running mean of the loss is so many times its lowest; None to go on to the end.
            A loss that is not finite ends it in any case.
        smoothing: how much of a running mean of the loss stays at each step, from 0 for none to below 1.
        then: ``"stop"`` ends the run without training; ``"apply"`` trains with the suggested rate, as a factor on what
            is scheduled; ``"continue"`` trains with the rate that was configured.
        monitor: the loss, as the loop logs it in each batch.
        formats: of the picture: ``"png"``, ``"svg"``, both or none.
        options: the common ones of all callbacks.

    Raises:
        MissingDependency: a picture is asked for, and matplotlib is not installed.
        OptionError: an option is out of range, or ``background=True``, where there is no training.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"

    def __init__(
        self,
        min_lr: float = 1e-7,
        max_lr: float = 10.0,
        steps: int = 100,
        *,
        mode: Mode = "exponential",
        stop_factor: float | None = 4.0,
        smoothing: float = 0.6,
        then: Then = "stop",
        monitor: str = "train/loss",
        formats: Sequence[str] = _FORMATS,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.min_lr = min_lr
        self.max_lr = max_lr
        self.steps = steps
        self.mode: Mode = mode
        self.stop_factor = stop_factor
        self.smoothing = smoothing
        self.then: Then = then
        self.monitor = monitor
        self.formats = formats
        super().__init__(**options)
        self._check()
        needs: set[Capability] = {"schedule_lr", "rehearse"}
        self.needs = frozenset(needs | {"set_lr"} if then == "apply" else needs)
        self._start_anew()

    def _check(self) -> None:
        check_number(self.name, "min_lr", self.min_lr, least=0.0)
        check_number(self.name, "max_lr", self.max_lr, least=0.0)
        if not 0.0 < self.min_lr < self.max_lr:
            raise OptionError(
                f"{self.name}: min_lr={self.min_lr!r} must be above 0 and below max_lr={self.max_lr!r}: the rate grows."
            )
        check_whole(self.name, "steps", self.steps, FEWEST)
        check_number(self.name, "smoothing", self.smoothing, least=0.0, below=1.0)
        if self.stop_factor is not None:
            check_number(self.name, "stop_factor", self.stop_factor, least=1.0)
        for option, allowed in (("mode", get_args(Mode)), ("then", get_args(Then))):
            if (value := getattr(self, option)) not in allowed:
                words = ", ".join(map(repr, allowed))
                raise OptionError(f"{self.name}: {option}={value!r}.{nearest(str(value), allowed)} Use one of {words}.")
        if isinstance(self.formats, str) or not set(self.formats) <= set(_FORMATS):
            raise OptionError(f"{self.name}: formats={self.formats!r} must be a list of 'png' and 'svg', or empty.")
        if self.formats and find_spec("matplotlib") is None:
            raise MissingDependency(f"{type(self).__name__} with a picture", "matplotlib", "plots")

    def _start_anew(self) -> None:
        self._done = False
        self._suggestion = Suggestion(None)
        self._begin()

    def _begin(self) -> None:
        self._test = RangeTest(self.smoothing)
        self._base: dict[str, float] = {}
        self._step: int | None = None
        self._in_step: list[float] = []
        self._seen = 0

    @property
    def curve(self) -> list[tuple[float, float]]:
        """The rates that were tried, with the loss at each; not smoothed."""
        return list(zip(self._test.lrs, self._test.losses, strict=True))

    @property
    def suggestion(self) -> float | None:
        """The suggested rate; None before the test, and where there is no good one."""
        return self._suggestion.lr

    def check_options(self) -> None:
        """Check the common options, and that the training is within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no training to try rates in; leave it out.")

    # ---- the test ------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse a second one.

        Raises:
            AttachError: there is another of this class.
        """
        self._start_anew()
        self._refuse_a_second(run, "a run has one suggestion to go by. Leave one of them out.")

    def on_train_start(self, run: RunView) -> None:
        """Ask for the test, unless it has been done.

        Raises:
            AttachError: the suggestion is to be applied, and nobody knows which rate of a schedule it is.
        """
        if self._done:
            return
        if self.then == "apply" and (masters := _masters(run)):
            raise AttachError(
                f"{self.name}: then='apply' beside {' and '.join(masters)}: nobody can tell which of its rates the "
                "suggestion is. Use then='stop', and make the schedule with the suggested rate."
            )
        self._begin()
        run.rehearse(self.steps, partial(self._conclude, run))

    def on_batch_start(self, run: RunView) -> None:
        """Set the rate of the step to come."""
        if not run.rehearsing or run.step == self._step:
            return
        self._step = run.step
        self._base = self._base or dict(run.scheduled_lr)
        share = len(self._test.lrs) / (self.steps - 1)
        for group, rate in _in_proportion(self._base, ramp(self.mode, self.min_lr, self.max_lr, share)).items():
            run.schedule_lr(rate, group)

    def on_batch_end(self, run: RunView) -> None:
        """Keep the loss of the step that was made, and end the test when it explodes.

        Raises:
            MonitorError: the loop logs no such loss.
        """
        if not run.rehearsing:
            return
        point = run.batch_metrics.point(self.monitor)
        if point is None or point.serial <= self._seen:
            there = ", ".join(sorted(run.batch_metrics)) or "nothing"
            raise MonitorError(
                f"{self.name} watches {self.monitor!r}, which nobody has logged in this batch. There is: {there}. In a "
                "loop of your own, log it within the batch: run.log({'loss': loss})."
            )
        self._seen = point.serial
        if not math.isfinite(point.value):
            run.end_rehearsal()
            return
        self._in_step.append(point.value)
        if run.step != self._step:
            multiple = self._test.add(run.lr[_tried(self._base)], sum(self._in_step) / len(self._in_step))
            self._in_step = []
            if self.stop_factor is not None and multiple > self.stop_factor:
                run.end_rehearsal()

    def on_train_end(self, run: RunView) -> None:
        """Say so if there was no test: the loop does not take its batches from the run."""
        if not self._done:
            run.alert(
                text(f"{self.name} tried nothing", f"{self.name} 没有进行测试"),
                text("The loop took no batches from run.batches().", "循环没有通过 run.batches() 取得批次。"),
            )

    # ---- what it says --------------------------------------------------------------------------------------------

    def _conclude(self, run: RunView) -> None:
        """Everything is as it was: say what the test showed, and do what is to be done then."""
        self._done = True
        self._suggestion = found = self._test.suggest()
        run.alert(found.title, found.reason, "info" if found.problem is None else "warning", durable=False)
        if self.formats and self._test.lrs and run.rank == 0:
            self._draw(run)
        if self.then == "stop":
            run.stop(text(f"the range test is done. {found.title}", f"范围测试已完成。{found.title}"))
        elif self.then == "apply" and found.lr is not None:
            for group, rate in _in_proportion(run.scheduled_lr, found.lr).items():
                run.set_lr(rate, group, text("the range test suggests it", "范围测试的建议"))

    def _draw(self, run: RunView) -> None:
        paths = {form: str(run.dir / "plots" / f"{self.name.replace('-', '_')}.{form}") for form in self.formats}
        arguments = {
            "lrs": self._test.lrs,
            "losses": self._test.losses,
            "smoothing": self.smoothing,
            "suggestion": self.suggestion,
            "reason": f"{self._suggestion.title}. {self._suggestion.reason}",
            "logarithmic": self.mode == "exponential",
            "paths": paths,
            "title": f"{run.project} / {run.name}",
            "language": language(),
        }
        run.offload("lineside.reports.range_test_figure:draw", arguments, figure=self.name)

    def state_dict(self) -> dict[str, Any]:
        """Return whether the test is done, and what it showed."""
        return {
            "done": self._done,
            "lrs": list(self._test.lrs),
            "losses": list(self._test.losses),
            "lr": self._suggestion.lr,
            "problem": self._suggestion.problem,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._done = state["done"]
        self._test = RangeTest(self.smoothing, list(state["lrs"]), list(state["losses"]))
        self._suggestion = Suggestion(state["lr"], state["problem"])


def _masters(run: RunView) -> list[str]:
    """Return who schedules the rate in a way of their own; a named schedule begins with the configured rate."""
    functions = [
        one.name
        for one in run.callbacks
        if one.enabled and one.kind == "LearningRateScheduler" and "schedule" not in one.options
    ]
    return list(run.schedulers) or functions


def _in_proportion(base: Mapping[str, float], rate: float) -> dict[str, float]:
    """Return rates in the proportion of `base`, that of the group that is tried being `rate`."""
    tried = base[_tried(base)]
    return {group: rate * (one / tried) if tried else rate for group, one in base.items()}


def _tried(base: Mapping[str, float]) -> str:
    """Return the first group that learns at all; one that is frozen by a rate of 0 stays so."""
    return next((group for group, rate in base.items() if rate > 0.0), next(iter(base)))

"""Profile some steps: a trace to look at, and the costliest operators as text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import AttachError, OptionError
from lineside.language import text
from lineside.options import check_whole
from lineside.ports import RunView
from lineside.profiling import Profiling
from lineside.reports.operators import costliest


class ProfileSteps(Callback):
    """Profiles chosen optimizer steps and leaves a trace and the costliest operators in ``profile/`` of the run.

    A step lasts from the end of the one before to its own end, so that waiting for data belongs to it. Validation
    never does: where one comes in between, or an epoch ends, the trace ends, and the rest of the steps gets another.
    Outside of its steps the callback does nothing but look at the step's number.

    Option names are those of ``torch.profiler`` and of Lightning's ``PyTorchProfiler``; steps count from 1, as in
    Keras' ``TensorBoard(profile_batch=…)``.

    Args:
        steps: which steps: ``"11-15"``, one such as ``"100"``, or several, ``"11-15, 1001-1005"``.
        warmup: steps before them in which the profiler runs without keeping anything, since its own start is slow.
        row_limit: how many operators the text names.
        record_shapes: keep the shapes of operators' inputs.
        profile_memory: keep allocations.
        with_stack: keep the lines of Python that called each operator; slow.
        options: the common ones of all callbacks; files of a second one, which needs another ``name``, bear it.

    Raises:
        OptionError: `steps` are none, or overlap; or ``background=True``, since the model is on the training thread.
    """

    needs = frozenset({"profile"})
    # Hosts without them have no validation to leave out.
    optional_hooks = frozenset({"on_val_start", "on_val_end"})

    def __init__(
        self,
        steps: str | int = "11-15",
        *,
        warmup: int = 2,
        row_limit: int = 5,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        self.steps = str(steps)
        self.warmup = warmup
        self.row_limit = row_limit
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self._chosen = Window.parse_all(self.steps, self.name)
        check_whole(self.name, "warmup", warmup, 0)
        check_whole(self.name, "row_limit", row_limit, 1)
        self._start_anew()

    def check_options(self) -> None:
        """Check the common options, and that the profiler runs where the training does."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True: only the training thread can be profiled. Leave it out.")

    def _start_anew(self) -> None:
        self._waiting = list(self._chosen)
        self._profiling: Profiling | None = None
        self._first = 0
        self._next: float = math.inf
        self._interrupted = False

    # ---- when ----------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse to share steps with another one.

        Raises:
            AttachError: another ProfileSteps wants some of the same steps, and one profiler can be at work.
        """
        self._start_anew()
        for other in run.callbacks:
            if other.kind != type(self).__name__ or other.name == self.name or not other.enabled:
                continue
            theirs = Window.parse_all(other.options["steps"], other.name)
            for their, mine in product(theirs, self._chosen):
                if their.after(other.options["warmup"]).overlaps(mine.after(self.warmup)):
                    raise AttachError(
                        f"{self.name} profiles steps {mine} and {other.name} steps {their}, with those for warming up "
                        "at the same time, and one profiler can be at work: give them other steps."
                    )

    def on_train_start(self, run: RunView) -> None:
        """Begin at once where the first of the steps, or the rest of some, comes next."""
        self._begin(run)

    def on_epoch_start(self, run: RunView) -> None:
        """Go on with what the end of the last epoch has cut."""
        self._begin(run)

    def on_step_end(self, run: RunView) -> None:
        """Go on; or begin or end, if this is the step for it."""
        if run.step >= self._next:
            self._end(run)
            self._begin(run)
        elif self._profiling is not None:
            self._profiling.step()

    def on_val_start(self, run: RunView) -> None:
        """Leave validation out."""
        self._interrupted = self._profiling is not None
        self._end(run)

    def on_val_end(self, run: RunView) -> None:
        """Go on after a validation between two batches."""
        if self._interrupted:
            self._begin(run)

    def on_train_epoch_end(self, run: RunView) -> None:
        """Leave the end of the epoch out."""
        self._end(run)

    def on_train_end(self, run: RunView) -> None:
        """Say which steps never came."""
        missed = [str(Window(max(one.first, run.step + 1), one.last)) for one in self._waiting if one.last > run.step]
        if missed:
            steps = ", ".join(missed)
            run.alert(
                text(f"Steps {steps} were not profiled", f"第 {steps} 步没有被剖析"),
                text(
                    f"The training ended after step {run.step}. Give {self.name} earlier steps.",
                    f"训练在第 {run.step} 步后结束。请为 {self.name} 指定更早的步。",
                ),
                "info",
            )

    def on_teardown(self, run: RunView) -> None:
        """Write what a failure or an interrupt has cut."""
        self._end(run)

    # ---- what ----------------------------------------------------------------------------------------------------

    def _begin(self, run: RunView) -> None:
        """Start the profiler, or find out when that is to be done."""
        if self._profiling is not None:
            return
        while self._waiting and self._waiting[0].last <= run.step:
            del self._waiting[0]
        self._next = math.inf
        if not self._waiting:
            return
        window = self._waiting[0]
        start = window.after(self.warmup).first - 1
        if run.step < start:
            self._next = start
            return
        self._first, self._next = max(window.first, run.step + 1), window.last
        self._profiling = run.model.profile(
            run.step + 1,
            self._first,
            record_shapes=self.record_shapes,
            profile_memory=self.profile_memory,
            with_stack=self.with_stack,
        )

    def _end(self, run: RunView) -> None:
        """Stop the profiler, and write what it has seen of whole steps."""
        profiling, self._profiling = self._profiling, None
        if profiling is None:
            return
        done = Window(self._first, run.step)
        if done.last < done.first:
            profiling.stop(None)
            return
        prefix = "" if self.name == ProfileSteps.name else f"{self.name}-"
        path = run.dir / "profile" / f"{prefix}steps-{done}.json.gz"
        path.parent.mkdir(exist_ok=True)
        costs = profiling.stop(path)
        head = text(f"steps {done} (profile/{path.name})", f"第 {done} 步（profile/{path.name}）")
        table = f"{head}\n\n{costliest(costs, done.last - done.first + 1, self.row_limit)}"
        path.with_name(f"{prefix}steps-{done}.txt").write_text(f"{table}\n", encoding="utf-8")
        run.log_text(self.name, table)
        run.log_artifact(path, f"{self.name}/steps-{self._waiting[0]}.json.gz")


@dataclass(frozen=True, slots=True)
class Window:
    """Some steps in a row, counted from 1."""

    first: int
    last: int

    @classmethod
    def parse_all(cls, steps: str, owner: str) -> list[Window]:
        """Read ``"11-15, 100"``, in the order of the steps.

        Raises:
            OptionError: naming `owner` and what is allowed.
        """
        windows = sorted((cls._parse(part, steps, owner) for part in steps.split(",")), key=lambda one: one.first)
        for before, after in pairwise(windows):
            if before.overlaps(after):
                raise OptionError(f"{owner}: steps={steps!r}: {before} and {after} overlap. Give each step once.")
        return windows

    @classmethod
    def _parse(cls, part: str, steps: str, owner: str) -> Window:
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is not None:
            window = cls(int(match[1]), int(match[2] or match[1]))
            if 1 <= window.first <= window.last:
                return window
        raise OptionError(f"{owner}: steps={steps!r} must be steps from 1 on, such as '11-15', '100' or '11-15, 100'.")

    def overlaps(self, other: Window) -> bool:
        """Tell whether both have a step in common."""
        return self.first <= other.last and other.first <= self.last

    def after(self, warmup: int) -> Window:
        """Return the steps with those before them in which the profiler warms up."""
        return Window(max(1, self.first - warmup), self.last)

    def __str__(self) -> str:
        """Return what is parsed."""
        return f"{self.first}-{self.last}" if self.last > self.first else str(self.first)

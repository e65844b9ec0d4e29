"""Find the largest batch that fits into memory, and the size beyond which larger ones are no faster."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any, Literal, Unpack, get_args

from lineside.callback import Callback, CallbackOptions
from lineside.errors import OptionError, RequestRefused, nearest
from lineside.language import text
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.reports.batch_sizes import Sizes, conclusion, rate_text, table
from lineside.trials import Trials

log = logging.getLogger("lineside")

Mode = Literal["power", "binsearch"]
Then = Literal["report", "stop"]


class BatchSizeFinder(Callback):
    """Tries real training steps with ever larger batches until the memory is full, and takes all of them back.

    Options bear the names and defaults that they have in Lightning (``lightning.pytorch.callbacks.BatchSizeFinder``).
    It looks once in a run, before the first batch: model, optimizer, buffers and random generators are afterwards what
    they were, bit for bit. What it found stands in the log with the samples per second at each size, in the run's
    records, and in `optimal_batch_size`. The loader is left as it is: see ``docs/guide/batch-size.md``.

    Args:
        mode: ``"power"`` doubles the size; ``"binsearch"`` goes on between the last that fitted and the first that did
            not.
        init_val: the size to begin with. If it does not fit, it is halved.
        max_val: no larger size is tried, but for the margin. Nor is one larger than the data set.
        steps_per_trial: steps with each size; the fastest counts for the samples per second.
        margin: the share of the memory that is to stay free, since real batches differ, from 0 to below 1. In mode
            ``"power"`` a power of two is suggested only if a batch that is larger by the margin fits as well.
        then: ``"report"`` goes on to train with the loader as it is; ``"stop"`` ends the run before its first step.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, or ``background=True``, where there is no model.
    """

    needs = frozenset[Capability]({"trials"})

    def __init__(
        self,
        *,
        mode: Mode = "power",
        init_val: int = 2,
        max_val: int = 8192,
        steps_per_trial: int = 3,
        margin: float = 0.05,
        then: Then = "report",
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.mode = mode
        self.init_val = init_val
        self.max_val = max_val
        self.steps_per_trial = steps_per_trial
        self.margin = margin
        self.then = then
        super().__init__(**options)
        for option, value, words in (("mode", mode, get_args(Mode)), ("then", then, get_args(Then))):
            if value not in words:
                raise OptionError(
                    f"{self.name}: {option}={value!r}.{nearest(str(value), words)} Use {' or '.join(map(repr, words))}."
                )
        for option in ("init_val", "max_val", "steps_per_trial"):
            check_whole(self.name, option, getattr(self, option), 1)
        check_number(self.name, "margin", margin, least=0.0, below=1.0)
        self._start_anew()

    def _start_anew(self) -> None:
        self._looked = False
        self._sizes: Sizes = {}
        self._suggested: int | None = None

    @property
    def optimal_batch_size(self) -> int | None:
        """The size that is suggested; None before it was looked for, or if not even one sample fits."""
        return self._suggested

    def check_options(self) -> None:
        """Check the common options, and that the live model is at hand."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no model to try; leave it out.")

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse a second one.

        Raises:
            AttachError: there is another of this class.
        """
        self._start_anew()
        self._refuse_a_second(run, "a run has one suggestion to go by. Leave one of them out.")

    def on_train_start(self, run: RunView) -> None:
        """Look, unless an earlier attempt of this run did."""
        if self._looked:
            return
        self._looked = True
        try:
            with run.trials() as trials:
                self._suggested = self._search(trials)
                loaded = trials.samples
        except RequestRefused as refusal:
            run.alert(text("No batch size was tried", "没有尝试任何批次大小"), str(refusal), "error")
        else:
            self._report(run, loaded)
        if self.then == "stop":
            run.stop(text(f"{self.name} has looked for a batch size", f"{self.name} 已完成批次大小的查找"))

    def _search(self, trials: Trials) -> int | None:
        """Return the size to be suggested; None if not even one sample fits."""
        limit = min(self.max_val, trials.most or self.max_val)
        size = min(self.init_val, limit)
        while not self._fits(trials, size):
            if size == 1:
                return None
            size //= 2
        while size * 2 <= limit and self._fits(trials, size * 2):
            size *= 2
        if self.mode == "binsearch":
            size = self._narrowed(trials, size, min(size * 2, limit + 1))
        if self._fits(trials, ceil(size / (1.0 - self.margin))):
            return size
        return max(1, size // 2 if self.mode == "power" else int(size * (1.0 - self.margin)))

    def _narrowed(self, trials: Trials, fits: int, beyond: int) -> int:
        """Return the largest size that fits, between one that does and a bound that is not reached."""
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            if self._fits(trials, middle):
                fits = middle
            else:
                beyond = middle
        return fits

    def _fits(self, trials: Trials, size: int) -> bool:
        """Try a size, unless it is known; remember how long its fastest step took."""
        if size not in self._sizes:
            if any(seconds is None and tried < size for tried, seconds in self._sizes.items()):
                return False
            times: list[float] = []
            while len(times) < self.steps_per_trial and (seconds := trials.step(size)) is not None:
                times.append(seconds)
            self._sizes[size] = min(times) if len(times) == self.steps_per_trial else None
            log.info("%s: %s", self.name, rate_text(size, self._sizes[size]))
        return self._sizes[size] is not None

    def _report(self, run: RunView, loaded: int) -> None:
        run.log_text("batch-size", table(self._sizes))
        title, words = conclusion(self._sizes, self._suggested, loaded)
        run.alert(title, words, "info" if self._suggested is not None else "error", durable=False)
        if self._suggested is not None:
            largest = max(size for size, seconds in self._sizes.items() if seconds is not None)
            run.log({"system/largest_batch_size": largest, "system/suggested_batch_size": self._suggested})

    def state_dict(self) -> dict[str, Any]:
        """Return what was found."""
        return {
            "looked": self._looked,
            "sizes": [[size, seconds] for size, seconds in self._sizes.items()],
            "suggested": self._suggested,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back: a resumed run does not look again."""
        self._looked = state["looked"]
        self._sizes = dict(state["sizes"])
        self._suggested = state["suggested"]

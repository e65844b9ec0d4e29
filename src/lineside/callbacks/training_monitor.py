"""A readable line for each epoch, and a warning when a metric is abnormal."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TextIO, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import OptionError
from lineside.language import text
from lineside.ports import RunView
from lineside.reports.epoch_line import epoch_label, epoch_line, is_of_epoch, number, short
from lineside.reports.speech import say

_COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CONDITION = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*", re.IGNORECASE)


class TrainingMonitor(Callback):
    """Prints ``epoch 3/20  loss 0.1234  val_loss 0.2345  lr 1e-3  2.3 s`` when an epoch is over.

    A value that is abnormal gets a line of warning in every epoch, and an alert when it becomes so. A value that is NaN
    or infinite is always abnormal. The language is that of ``LINESIDE_LANG``.

    Args:
        metrics: names to show; all of training and validation unless given.
        abnormal: conditions by metric, such as ``{"val/loss": "> 10", "accuracy": "< 0.1"}``; ``*`` in a name stands
            for anything. Any loss above 10 unless given.
        stream: where to print; ``sys.stdout`` unless given.
        options: the common ones of all callbacks.

    Raises:
        OptionError: a condition is not a comparison with a number.
    """

    def __init__(
        self,
        *,
        metrics: Sequence[str] | None = None,
        abnormal: Mapping[str, str] | None = None,
        stream: TextIO | None = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if isinstance(metrics, str):
            raise OptionError(f"{self.name}: metrics={metrics!r} must be a list of names, such as [{metrics!r}].")
        self.metrics = metrics
        self.abnormal = abnormal if abnormal is not None else {"*loss*": "> 10"}
        self.stream = stream
        self._limits = [Limit.parse(name, condition, self.name) for name, condition in self.abnormal.items()]
        self._warned: list[str] = []

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._warned = []

    def on_train_start(self, run: RunView) -> None:
        """Say where a resumed run goes on."""
        if run.attempt > 1:
            say(
                text(
                    f"resumed in {epoch_label(run)}, at step {run.step}", f"从{epoch_label(run)}、第 {run.step} 步继续"
                ),
                self.stream,
            )

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Print the line, when all values of the epoch are there."""
        say(epoch_line(run, self.metrics), self.stream)
        found = dict(self._found(run))
        for name, why in found.items():
            value = number(run.metrics[name])
            warning = text(f"{short(name)} {value} is abnormal ({why})", f"{short(name)} {value} 异常（{why}）")
            say(text("warning: ", "警告：") + warning, self.stream, "yellow")
            if name not in self._warned:
                where = text(f"{epoch_label(run)}, step {run.step}", f"{epoch_label(run)}，第 {run.step} 步")
                run.alert(warning, where)
        self._warned = list(found)

    def _found(self, run: RunView) -> Iterator[tuple[str, str]]:
        """Yield the abnormal metrics of this epoch, each with the reason."""
        for name in run.metrics:
            if not is_of_epoch(run, name):
                continue
            value = run.metrics[name]
            limit = next((limit for limit in self._limits if limit.concerns(run, name) and limit.holds(value)), None)
            if limit is not None:
                yield name, limit.condition
            elif not math.isfinite(value):
                yield name, text("not finite", "不是有限值")

    def on_train_end(self, run: RunView) -> None:
        """Say why the training ended."""
        if run.reason is not None:
            say(text(f"ended: {run.reason}", f"结束：{run.reason}"), self.stream)

    def state_dict(self) -> dict[str, Any]:
        """Return which metrics are abnormal, so that a resumed run does not alert again."""
        return {"warned": list(self._warned)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._warned = list(state["warned"])


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition under which a metric is abnormal."""

    name: str
    condition: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, name: str, condition: str, owner: str) -> Limit:
        """Read ``"> 10"``.

        Raises:
            OptionError: naming `owner`, the condition and what is allowed.
        """
        match = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
        try:
            if match is not None:
                return cls(name, f"{match[1]} {match[2]}", match[1], float(match[2]))
        except ValueError:
            pass  # such as 1.2.3
        raise OptionError(f"{owner}: abnormal[{name!r}]={condition!r} must be a comparison such as '> 10' or '<= 0.1'.")

    def concerns(self, run: RunView, metric: str) -> bool:
        """Tell whether this is about a metric: by pattern, canonical name or alias."""
        return fnmatchcase(metric, self.name) or run.metrics.resolve(self.name) == metric

    def holds(self, value: float) -> bool:
        """Tell whether a value is abnormal; nothing compares with NaN."""
        return bool(_COMPARE[self.sign](value, self.bound))

"""One comparison of a metric with a number or another metric: read, and never run as code."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from lineside.alerts.rule import Rule
from lineside.alerts.verdict import Verdict, unclear
from lineside.errors import OptionError
from lineside.language import text

_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_PARTS: Final = re.compile(r"([^<>=!]+)(>=|<=|==|!=|>|<)([^<>=!]+)")
_METRIC: Final = re.compile(r"[^\W\d][\w./()@:-]*")
_EXAMPLES: Final = "'val/loss > 10', 'val/accuracy < 0.1' or 'val/loss >= train/loss'"


class Comparison(Rule):
    """``metric > number``, or another metric on the right; the signs are ``> >= < <= == !=``.

    A value that is NaN compares with nothing, so it neither begins nor ends an alert.

    Args:
        condition: the comparison as a text.
        owner: who asks, for messages.

    Raises:
        OptionError: it is anything else; the message says what is allowed.
    """

    kind: ClassVar[str] = "comparison"

    def __init__(self, condition: str, owner: str = "alert") -> None:
        left, self.sign, right = _split(condition, owner)
        self.metric = _metric(left, condition, owner)
        self.bound: float | str = _number(right, condition, owner)
        self.reads = (self.metric,) if isinstance(self.bound, float) else (self.metric, self.bound)
        self.limit = f"{self.sign} {right}"

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare."""
        value = values[self.metric]
        bound = self.bound if isinstance(self.bound, float) else values[self.bound]
        if math.isnan(value) or math.isnan(bound):
            return unclear(self, values)
        limit = self.limit if isinstance(self.bound, float) else f"{self.limit} = {bound:.4g}"
        if _SIGNS[self.sign](value, bound):
            return Verdict.yes(
                text(f"{self.metric} is {value:.4g} ({limit})", f"{self.metric} 为 {value:.4g}（{limit}）")
            )
        return Verdict.no(
            text(f"{self.metric} is {value:.4g}, no longer {limit}", f"{self.metric} 为 {value:.4g}，不再 {limit}"),
        )

    def __str__(self) -> str:
        """Return the comparison."""
        return f"{self.metric} {self.limit}"


def _split(condition: str, owner: str) -> tuple[str, str, str]:
    match = _PARTS.fullmatch(condition)
    if match is None:
        raise OptionError(
            f"{owner}: when={condition!r} is not one comparison of a metric with a number or another metric. "
            f"Write it as {_EXAMPLES}."
        )
    return match[1].strip(), match[2], match[3].strip()


def _metric(side: str, condition: str, owner: str) -> str:
    if _METRIC.fullmatch(side) is None:
        raise OptionError(
            f"{owner}: when={condition!r}: {side!r} is no name of a metric. Nothing is calculated in a condition; "
            f"write it as {_EXAMPLES}."
        )
    return side


def _number(side: str, condition: str, owner: str) -> float | str:
    try:
        number = float(side)
    except ValueError:
        return _metric(side, condition, owner)
    if math.isnan(number):
        raise OptionError(f"{owner}: when={condition!r}: nothing compares with NaN. Use when='not-finite'.")
    return number

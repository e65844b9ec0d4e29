"""What a rule makes of the values that it is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lineside.language import text


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is so, in words with the numbers.

    Attributes:
        holds: whether what the rule is about is the case; None where the values do not tell, as NaN does not.
        title: one line, for people, that says what is, no longer is, or why it cannot be told.
        text: what can be done about it, or nothing.
    """

    holds: bool | None
    title: str = ""
    text: str = ""

    @classmethod
    def yes(cls, title: str, text: str = "") -> Verdict:
        """Return that it is so."""
        return cls(holds=True, title=title, text=text)

    @classmethod
    def no(cls, title: str) -> Verdict:
        """Return that it is not so; the title is told if it was."""
        return cls(holds=False, title=title)


SILENT = Verdict(None)
"""The values do not tell."""


def unclear(rule: object, values: Mapping[str, float]) -> Verdict:
    """Return that a rule cannot judge values, because some of them are NaN or infinite."""
    shown = ", ".join(f"{name} = {value}" for name, value in values.items() if not math.isfinite(value))
    return Verdict(None, text(f"{shown}: {rule} cannot be told", f"{shown}：无法判断 {rule}"))

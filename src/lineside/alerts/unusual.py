"""`Unusual`: the base of rules that hold a value against what it usually is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.alerts.rule import Rule
from lineside.options import check_number, check_whole
from lineside.typical import FEWEST, Typical


class Unusual(Rule):
    """Remembers the last values; a subclass judges with `usual`, and adds to it.

    Args:
        factor: how far beyond what is usual is too much; what it multiplies, the rule says.
        window: values that are usual; nothing is before the tenth.

    Raises:
        OptionError: a number is out of range.
    """

    def __init__(self, factor: float, window: int) -> None:
        self.factor, self.window = factor, window
        check_number(self.kind, "factor", factor, least=1.0)
        check_whole(self.kind, "window", window, FEWEST)
        self.start_anew()

    def start_anew(self) -> None:
        """Nothing is usual yet."""
        self.usual = Typical(self.window)

    def state_dict(self) -> dict[str, Any]:
        """Return what is usual."""
        return {"usual": self.usual.values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self.usual = Typical(self.window, state["usual"])

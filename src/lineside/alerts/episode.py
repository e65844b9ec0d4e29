"""From verdicts to alerts: one when it begins, one when it is over, and none in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lineside.units import Duration, Progress

Change = Literal["begin", "end", "merged"]


class Episode:
    """Remembers whether what a rule is about is the case, and since when.

    Args:
        for_: how long it must hold before it counts; None for not at all. What counts is how long it has not been well:
            ``"2 epochs"`` is reached by the values of two epochs in a row.
        cool_down: after a beginning was told, others within this time are merged into it; None to tell each.

    Attributes:
        begun: whether it is the case now.
        merged: beginnings that were not told since the last one that was.
    """

    def __init__(self, for_: Duration | None, cool_down: Duration | None) -> None:
        self._for = for_
        self._cool_down = cool_down
        self.start_anew()

    def start_anew(self) -> None:
        """Forget an earlier training."""
        self.begun = False
        self.merged = 0
        self._told = False
        self._well: float | None = None
        self._told_at: float | None = None

    def consider(self, holds: bool | None, progress: Progress) -> Change | None:
        """Return what changes with a verdict: ``merged`` is a beginning that is not to be told."""
        if holds is None:
            return None
        if not holds:
            was_told, self.begun, self._told = self._told and self.begun, False, False
            self._well = self._for.measure(progress) if self._for is not None else None
            return "end" if was_told else None
        if self.begun or not self._lasts(progress):
            return None
        self.begun = True
        if self._cool_down is not None:
            now = self._cool_down.measure(progress)
            if self._told_at is not None and now - self._told_at < self._cool_down.amount:
                self.merged += 1
                return "merged"
            self._told_at = now
        self._told = True
        return "begin"

    def _lasts(self, progress: Progress) -> bool:
        if self._for is None:
            return True
        now = self._for.measure(progress)
        if self._well is None:
            # The first look of all. A value of an epoch is about the epoch that it ends.
            self._well = now - (1 if self._for.unit == "epochs" else 0)
        return now - self._well >= self._for.amount

    def take_merged(self) -> int:
        """Return how many beginnings were merged, and forget them."""
        merged, self.merged = self.merged, 0
        return merged

    def state_dict(self) -> dict[str, Any]:
        """Return all of it, as plain data."""
        return {
            "begun": self.begun,
            "told": self._told,
            "well": self._well,
            "told_at": self._told_at,
            "merged": self.merged,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        self.begun, self._told, self.merged = state["begun"], state["told"], state["merged"]
        self._well, self._told_at = state["well"], state["told_at"]

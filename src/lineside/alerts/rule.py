"""`Rule`: says of values whether something is the case; it neither fetches them nor tells anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from lineside.alerts.verdict import Verdict
from lineside.ports import Level

Source = Literal["values", "gradients", "pace", "disk", "gpu", "progress", "lifecycle"]
"""Where the values of a rule come from; `lineside.alerts.lookouts` has a file for each kind."""


class Rule:
    """Values in, verdict out.

    A rule that remembers something, such as what is usual, keeps it in its state, which a resumed run goes on with.

    Attributes:
        kind: the name by which it is asked for, such as ``loss-spike``.
        source: where its values come from.
        level: of its alerts, unless they are given another one.
        every: how often to look, unless told otherwise; None for once per value of an epoch.
        for_: how long it must hold, unless told otherwise; None for not at all.
        reads: names of the metrics that it judges, where they are metrics.
    """

    kind: ClassVar[str]
    source: ClassVar[Source] = "values"
    level: ClassVar[Level] = "warning"
    every: ClassVar[str | None] = None
    for_: ClassVar[str | None] = None
    reads: tuple[str, ...] = ()

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Return what the values say.

        Args:
            values: by the names in `reads`, or by those that the source gives.
        """
        raise NotImplementedError(f"{type(self).__name__} must define judge(values)")

    def start_anew(self) -> None:
        """Forget an earlier training."""

    def state_dict(self) -> dict[str, Any]:
        """Return what is remembered, as plain data."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned."""

    def __str__(self) -> str:
        """Return what people call it."""
        return self.kind

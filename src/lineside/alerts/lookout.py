"""`Lookout`: fetches the values of a rule at the right moments, and hands on the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lineside.alerts.rule import Rule
from lineside.alerts.verdict import Verdict
from lineside.callback import Hook
from lineside.events import Event
from lineside.ports import Capability, RunView
from lineside.units import Duration, Progress

Tell = Callable[[RunView, Verdict], None]


class Lookout:
    """The eyes of an alert.

    Args:
        rule: what judges.
        every: how often to look; None for once per value of an epoch.
        tell: is handed each verdict.
        owner: name of the alert, for messages.

    Attributes:
        needs: abilities of the host without which there is nothing to see.
        inline_only: it looks at the model.
        background_only: it looks beside the training, from a thread of its own.
    """

    needs: ClassVar[frozenset[Capability]] = frozenset()
    inline_only: ClassVar[bool] = False
    background_only: ClassVar[bool] = False

    def __init__(self, rule: Rule, every: Duration | None, tell: Tell, owner: str) -> None:
        self.rule, self.every, self.tell, self.owner = rule, every, tell, owner

    def hooks(self) -> Mapping[Event, Hook]:
        """Return when to look; ``on_setup`` is the alert's own."""
        raise NotImplementedError(f"{type(self).__name__} must define hooks()")

    def set_up(self, run: RunView) -> None:
        """Forget an earlier training; on the training thread, with the live run."""

    def progress(self, run: RunView) -> Progress:
        """Return what durations are measured against when something is told with a view of the run."""
        return run

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen, as plain data."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned."""

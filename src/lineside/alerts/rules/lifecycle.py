"""What becomes of a run: it has finished, failed, been resumed, or died."""

from __future__ import annotations

from typing import ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.ports import Level


class RunFinished(Rule):
    """The training is over, after all epochs or after a stop."""

    kind: ClassVar[str] = "run-finished"
    source: ClassVar[Source] = "lifecycle"
    level: ClassVar[Level] = "info"


class RunFailed(Rule):
    """An error ended the training."""

    kind: ClassVar[str] = "run-failed"
    source: ClassVar[Source] = "lifecycle"
    level: ClassVar[Level] = "error"


class RunResumed(Rule):
    """A new process goes on with the training."""

    kind: ClassVar[str] = "run-resumed"
    source: ClassVar[Source] = "lifecycle"
    level: ClassVar[Level] = "info"


class RunDied(Rule):
    """The process has died, or does not answer; a dead process tells nothing, so the supervisor does.

    What it has to tell goes to where this alert is to go: ``lineside run`` and ``lineside watch`` read it there.
    """

    kind: ClassVar[str] = "run-died"
    source: ClassVar[Source] = "lifecycle"
    level: ClassVar[Level] = "error"

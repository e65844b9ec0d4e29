"""How long steps take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.alerts.lookout import Lookout, Tell
from lineside.alerts.rule import Rule
from lineside.callback import Hook
from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import CheckpointView, RunView
from lineside.units import Duration


class Pace(Lookout):
    """Shows a rule the seconds that a step took, as a mean from look to look, as ``seconds``.

    An interval with the start of an epoch, a validation or a save in it is passed over.
    """

    def __init__(self, rule: Rule, every: Duration | None, tell: Tell, owner: str) -> None:
        super().__init__(rule, every, tell, owner)
        if every is None or every.unit != "steps":
            raise OptionError(f"{owner}: every='{every}' must count optimizer steps, such as '10 steps'.")
        self._since: tuple[float, int] | None = None
        self._resumed = False

    def set_up(self, run: RunView) -> None:
        """Forget an earlier training."""
        self._since, self._resumed = None, False

    def hooks(self) -> Mapping[Event, Hook]:
        """Look at the end of batches; begin anew where something else took time."""
        return {
            Event.BATCH_END: Hook(self._look, self.every),
            Event.EPOCH_START: Hook(self._begin_anew),
            Event.VAL_START: Hook(self._begin_anew),
            Event.VAL_END: Hook(self._begin_anew),
            Event.CHECKPOINT: Hook(self._saved),
        }

    def _begin_anew(self, run: RunView) -> None:
        self._since = None

    def _saved(self, run: RunView, checkpoint: CheckpointView) -> None:
        self._since = None

    def _look(self, run: RunView) -> None:
        since, self._since = self._since, (run.elapsed, run.step)
        if since is None or run.step <= since[1]:
            return
        verdict = self.rule.judge({"seconds": (run.elapsed - since[0]) / (run.step - since[1])})
        # The first interval of a process that goes on holds the start of its loader's workers.
        resumed, self._resumed = self._resumed, False
        if not resumed:
            self.tell(run, verdict)

    def state_dict(self) -> dict[str, Any]:
        """Return where the interval began."""
        return {"since": None if self._since is None else list(self._since)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        since = state["since"]
        self._since = None if since is None else (float(since[0]), int(since[1]))
        self._resumed = True

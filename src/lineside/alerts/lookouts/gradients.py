"""The norm of all gradients, with which the optimizer is about to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from lineside.alerts.lookout import Lookout, Tell
from lineside.alerts.rule import Rule
from lineside.callback import Hook
from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import Capability, RunView
from lineside.units import Duration

_TOTAL: Final = "total"


class Gradients(Lookout):
    """Shows a rule the L2 norm of all gradients as ``norm``.

    Accumulated, without the scale of fp16, and before clipping. The training thread waits for the device at each look.
    What mixed precision skips does not count.
    """

    needs: ClassVar[frozenset[Capability]] = frozenset({"model", "gradients"})
    inline_only: ClassVar[bool] = True

    def __init__(self, rule: Rule, every: Duration | None, tell: Tell, owner: str) -> None:
        super().__init__(rule, every, tell, owner)
        if every is None or every.unit != "steps":
            raise OptionError(f"{owner}: every='{every}' must count optimizer steps, such as '50 steps'.")
        self._steps = int(every.amount)
        self._norm: Any = None

    def set_up(self, run: RunView) -> None:
        """Forget an earlier training."""
        self._norm = None

    def hooks(self) -> dict[Event, Hook]:
        """Look when the gradients are there, and judge when the optimizer has stepped."""
        return {Event.BACKWARD_END: Hook(self._look), Event.STEP_END: Hook(self._judge)}

    def _look(self, run: RunView) -> None:
        if run.step % self._steps == 0:
            self._norm = run.model.norms("gradients", by=_everything)[_TOTAL]

    def _judge(self, run: RunView) -> None:
        norm, self._norm = self._norm, None
        if norm is not None:
            self.tell(run, self.rule.judge({"norm": float(norm)}))


def _everything(_: str) -> Sequence[str]:
    return (_TOTAL,)

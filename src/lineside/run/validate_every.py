"""A validation each time a duration has passed within the epochs, asked for as any callback asks for one."""

from __future__ import annotations

from collections.abc import Mapping

from lineside.callback import Callback, Hook
from lineside.events import Event
from lineside.ports import RunView
from lineside.units import Duration


class ValidateEvery(Callback):
    """Asks for a validation each time a duration has passed within the epochs."""

    name = "validate-every"
    on_error = "raise"

    def __init__(self, duration: Duration) -> None:
        super().__init__()
        self._duration = duration

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the steps, as often as the duration says."""
        return {Event.STEP_END: Hook(self._ask, self._duration)}

    def _ask(self, run: RunView) -> None:
        run.validate(f"every {self._duration}")

"""The batches of a fake run, and those in front of them that are undone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from lineside.callback import Callback
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.run.rehearsal import Rehearsal
from lineside.testing.fake_safe_points import FakeSafePoints
from lineside.testing.fake_view import FakeRunOptions


class FakeRehearsal(FakeSafePoints):
    """A fake run with the body of a training loop, through which rehearsals go as well."""

    def __init__(self, callbacks: Sequence[Callback | str] = (), **options: Unpack[FakeRunOptions]) -> None:
        super().__init__(callbacks, **options)
        self.rehearsing = False
        self._rehearsals: deque[Rehearsal] = deque()

    def rehearse(self, steps: int, done: Callable[[], None]) -> None:
        """Have so many steps of a rehearsal, before the next batch."""
        if self._calling is None:
            raise RunStateError("run.rehearse() is for callbacks: it shows its batches to the one that asks.")
        self._rehearsals.append(Rehearsal(self._calling, steps, done))

    def end_rehearsal(self) -> None:
        """End the rehearsal with this step."""
        if self.rehearsing:
            self._rehearsals[0].over = True

    def _body(
        self, values: Callable[[], Mapping[str, float]], outputs: Any = None, data: Any = None, *, stepped: bool = True
    ) -> None:
        """Play a batch from its start to the optimizer's step; its values are asked for after the start."""
        self.batch_data = data
        self._in_batch = True
        self.emit(Event.BATCH_START)
        published = values()
        self.log(published)
        losses = [published[name] for name in ("loss", "train/loss") if name in published]
        self.outputs, self.loss = outputs, losses[0] if losses else None
        self.emit(Event.BACKWARD_END)
        if stepped:
            self.step += 1
            self.emit(Event.STEP_END)

    def _forget_batch(self) -> dict[str, Any]:
        """Leave a batch, and return what was logged in it."""
        self._in_batch = False
        self.batch_data = self.outputs = self.loss = None
        values, self._batch_values = self._batch_values, {}
        return values

    def _rehearse(self, values: Mapping[str, float]) -> bool:
        """Play what was asked for; tell whether the training was stopped thereupon."""
        while self._rehearsals:
            rehearsal = self._rehearsals[0]
            self._play_rehearsal(rehearsal, lambda: values if self._rehearsal is None else self._rehearsal(self))
            self._rehearsals.popleft()
            outer, self._calling = self._calling, rehearsal.callback
            rehearsal.done()
            self._calling = outer
        self._open_mail()
        self.settle()
        return self.stopped

    def _play_rehearsal(self, rehearsal: Rehearsal, values: Callable[[], Mapping[str, float]]) -> None:
        cast, before, view = self._cast, (self.step, self.batch), self._batch_table.state_dict()
        rates = self._rates.state_dict()
        self._cast, self.rehearsing = [rehearsal.callback], True
        try:
            for number in range(rehearsal.steps):
                self.batch = number % self._batches_per_epoch
                self._body(values)
                self.emit(Event.BATCH_END)
                self._forget_batch()
                if rehearsal.over:
                    break
        finally:
            self._cast, self.rehearsing = cast, False
            self.step, self.batch = before
            self._batch_table.load_state_dict(view)
            self._rates.load_state_dict(rates)

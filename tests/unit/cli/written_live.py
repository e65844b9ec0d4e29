"""A run that is being written while a test looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lineside.store import RunDirectory, StoreWriter


class Training:
    """Writes what a training writes, one happening at each wait."""

    def __init__(self, run: RunDirectory, *happenings: Callable[[], None]) -> None:
        self.run = run
        self.writer = StoreWriter(run.database, 1, time.time)
        self._happenings = list(happenings)

    def wait(self) -> None:
        self._happenings.pop(0)()

    def then(self, *happenings: Callable[[], None]) -> Training:
        self._happenings.extend(happenings)
        return self

    def epoch(self, number: int) -> Callable[[], None]:
        def over() -> None:
            step, values = 30 + 10 * number, {"train/loss": 1.0 / number, "val/loss": 1.1 / number}
            self.writer.rows([(step, number, time.time(), values)])
            self.writer.event("epoch_end", step=step, epoch=number, time=time.time(), data=values)
            self.writer.commit()
            self.change(progress={"epoch": number + 1, "total_epochs": 10, "step": step, "total_steps": None})

        return over

    def event(self, kind: str, **data: Any) -> Callable[[], None]:
        def happen() -> None:
            self.writer.event(kind, step=40, epoch=1, time=time.time(), data=data)
            self.writer.commit()

        return happen

    def change(self, **changes: Any) -> None:
        self.run.write_record(replace(self.run.read_record(), updated=time.time(), **changes))

    def end(self) -> None:
        self.writer.close()
        self.change(status="completed", reason="all 10 epochs are done")

    def die(self) -> None:
        self.writer.close()
        self.run.unlock()

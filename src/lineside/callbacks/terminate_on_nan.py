"""Stop as soon as the loss of a batch is not a finite number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack

from lineside.callback import Callback, CallbackOptions, Hook, Ranks
from lineside.events import Event
from lineside.language import text
from lineside.ports import RunView
from lineside.units import Duration


class TerminateOnNaN(Callback):
    """Reads the loss of each batch, and stops the run when it is NaN or infinite, on whichever rank that happens.

    Reading a loss that is on an accelerator makes the training thread wait for it. With ``every="50 steps"`` it waits
    less often and notices later; with ``background=True`` another thread waits, and the stop comes some steps later.

    Args:
        every: how often to look, such as ``"50 steps"``; at each batch unless given.
        options: the common ones of all callbacks; `ranks` is ``"all"`` unless given.

    Raises:
        OptionError: `every` is not a duration.
    """

    name = "terminate-on-nan"
    ranks: Ranks = "all"

    def __init__(self, every: str | timedelta | Duration | None = None, **options: Unpack[CallbackOptions]) -> None:
        self.every = Duration.parse(every, "every") if every is not None else None
        self._stopped = False
        super().__init__(**options)

    def hooks(self) -> Mapping[Event, Hook]:
        """Look at the end of batches, as often as `every` says."""
        return {**super().hooks(), Event.BATCH_END: Hook(self.on_batch_end, self.every)}

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._stopped = False

    def on_batch_end(self, run: RunView) -> None:
        """Look at the loss, and ask once for the end."""
        if self._stopped:
            return
        loss = run.batch_metrics.point("train/loss")
        if loss is None or math.isfinite(loss.value):
            return
        self._stopped = True
        where = f"step {run.step}, batch {run.batch + 1}", f"第 {run.step} 步，第 {run.batch + 1} 个批次"
        rank = f" (rank {run.rank})" if run.world_size > 1 else ""
        run.stop(
            text(
                f"the loss is {loss.value} in epoch {run.epoch + 1}, {where[0]}{rank}",
                f"第 {run.epoch + 1} 轮，{where[1]}：损失为 {loss.value}{rank}",
            )
        )

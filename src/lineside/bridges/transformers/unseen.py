"""Micro-batches in which nobody has a hook: put aside where their loss is made, and told of where somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import time
from typing import Any

from lineside.backends.torch.sizes import Sizes
from lineside.run.driven import DrivenRun
from lineside.run.tally import Told


class UnseenBatches:
    """Puts aside what the trainer's own step returns; that a batch is over, the trainer's count of steps tells.

    Args:
        trainer: of Hugging Face.
        run: nobody has a hook in its batches.
        sizes: of the batches of this epoch.
        wake: has the batch under way, which is put aside by now or will be, end as one that somebody sees.
    """

    def __init__(self, trainer: Any, run: DrivenRun, sizes: Sizes, wake: Callable[[], None]) -> None:
        self._trainer, self._run, self._sizes = trainer, run, sizes
        self._accumulates = trainer.args.gradient_accumulation_steps
        self._steps = trainer.state.global_step
        self._tally = run.put_aside(2, self._tell, wake)

    def watch(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return the trainer's step, behind which the loss is put aside."""
        trainer, tally = self._trainer, self._tally
        # A captured graph may write again what is on a device: that is copied.
        copies = self._accumulates != 1 or trainer.args.device.type != "cpu"

        @wraps(step)
        def watched(*arguments: Any) -> Any:
            loss, now = step(*arguments), time()
            # Hugging Face hands out a share of the loss of the optimizer's step.
            tally.extend((now, loss * trainer.current_gradient_accumulation_steps if copies else loss))
            if now >= tally.due or len(tally) >= tally.full:
                tally.wake()
            return loss

        return watched

    def take_back(self) -> tuple[Any, int]:
        """Return the loss of the batch that is to end as one that somebody sees, and the steps before it."""
        loss = self._tally[-1]
        del self._tally[-2:]
        self._run.count()
        before, self._steps = self._steps, self._trainer.state.global_step
        return loss, before

    def _tell(self, aside: list[Any]) -> Told:
        times, losses, position = aside[::2], aside[1::2], self._run.progress.position
        ends = range(position + 1, position + 1 + len(times))
        steps = [int(end % self._accumulates == 0 or end == self._run.total_batches) for end in ends]
        if steps[-1] and self._steps + sum(steps) > self._trainer.state.global_step:
            # The optimizer is yet to step.
            self._tally.extend(aside[-2:])
            del times[-1], losses[-1], steps[-1]
        self._steps += sum(steps)
        return Told(times, [{"loss": loss} for loss in losses], self._sizes.of_several(position, len(times)), steps)

"""Micro-batches in which nobody has a hook: put aside where their loss is made, and told of where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Any

from transformers import DefaultFlowCallback, TrainerCallback

from lineside.backends.torch.sizes import Sizes
from lineside.run.driven import DrivenRun
from lineside.run.tally import Told

ENDS = ("on_step_end", "on_substep_end")
"""Hooks at the end of a batch."""


def is_first(callback: TrainerCallback, callbacks: Sequence[TrainerCallback]) -> bool:
    """Return whether a callback is the first one that is told of the end of a batch.

    One in front of it, which finds the trainer's count of steps advanced, would see the batch as over.
    """
    for one in callbacks:
        if one is callback:
            return True
        if type(one) is not DefaultFlowCallback and any(_has(one, hook) for hook in ENDS):
            return False
    return False


def _has(callback: TrainerCallback, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(TrainerCallback, hook)


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

    def training_step(self) -> Callable[..., Any]:
        """Return what makes a micro-batch by the trainer's own step, which it is given with its arguments."""
        trainer, tally = self._trainer, self._tally
        # Of an accumulated step Hugging Face hands out shares; a captured graph may write again what is on a device.
        copies = self._accumulates != 1 or trainer.args.device.type != "cpu"

        def training_step(step: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            loss, now = step(*arguments, **options), time()
            tally.extend((now, loss * trainer.current_gradient_accumulation_steps if copies else loss))
            if now >= tally.due or len(tally) >= tally.full:
                tally.wake()
            return loss

        return training_step

    def take_back(self) -> tuple[Any, int, int]:
        """Return loss and size of the batch that is to end as one that somebody sees, and the steps before it."""
        loss = self._tally[-1]
        del self._tally[-2:]
        self._run.count()
        before, self._steps = self._steps, self._trainer.state.global_step
        return loss, self._sizes.of(self._run.progress.position), before

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

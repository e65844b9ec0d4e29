"""Several processes train one model: what rank zero did with it between two epochs, the others do as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import distributed

from lineside.dispatch.agreement import SingleProcess
from lineside.ports import SavedState
from lineside.run.driven import DrivenRun


@dataclass(frozen=True, slots=True)
class Restored:
    """A checkpoint that was put back.

    Attributes:
        path: the checkpoint's directory.
        how: ``all`` at the start of a resumed training, ``weights`` alone, or ``back`` in the middle of a training.
        same_epoch: for ``back``; see `lineside.ports.Host.go_back`.
    """

    path: Path
    how: str
    same_epoch: bool = False

    @classmethod
    def of(cls, saved: SavedState, how: str, *, same_epoch: bool = False) -> Restored:
        """Note that a checkpoint is put back."""
        return cls(saved.file("model.safetensors").parent, how, same_epoch)


@dataclass(frozen=True, slots=True)
class Word:
    """What rank zero tells the others between two epochs.

    Attributes:
        restored: checkpoints that were put back since the last word, in order.
        rates: what stands on top of the scheduled learning rates.
        epoch: the one that comes next.
        stopping: the training is to end.
    """

    restored: tuple[Restored, ...] = ()
    rates: Mapping[str, Any] = field(default_factory=dict)
    epoch: int = 0
    stopping: bool = False


def is_several(trainer: Any) -> bool:
    """Tell whether other processes train with this one."""
    return bool(trainer.world_size > 1)


def tell(word: Word) -> None:
    """Tell the others; by rank zero."""
    distributed.broadcast_object_list([word], 0)


def listen() -> Word:
    """Hear what rank zero tells; by all others. Waits for it."""
    heard: list[Any] = [None]
    distributed.broadcast_object_list(heard, 0)
    word: Word = heard[0]
    return word


def mean_losses(validator: Any) -> dict[str, Any]:
    """Return the losses that a validation has summed up so far, as their mean over the ranks; all ranks call it.

    Ultralytics takes the mean behind ``on_val_end``, which is too late for those who act there.
    """
    size, means = distributed.get_world_size(), {}
    for name, total in validator.loss.items():
        share = total.detach().clone()
        distributed.all_reduce(share)
        means[name] = share / size
    return means


class BetweenEpochs(SingleProcess):
    """Requests are applied where all ranks are: between two epochs. An interrupt ends the processes anywhere."""

    run: DrivenRun

    def due(self, step: int, waiting: bool) -> bool:
        """Tell whether no batch of an epoch is under way."""
        return waiting and (self.run.progress.phase != "train" or self.run.interrupting is not None)

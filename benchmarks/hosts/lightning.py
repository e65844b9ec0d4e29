"""Lightning with everything switched off that can be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import lightning
import torch
from torch.nn import functional as F

from benchmarks.hosts.idle import idle
from benchmarks.pace import Exchanged, Turns
from benchmarks.timed import BATCH, WIDTH, Batch, tiny
from lineside.bridges.lightning import lightning as bridge

NAME = "Lightning"
BATCHES = 30_000
ONLY_HOOKS = False
HOOKS = (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"),
    *("on_before_optimizer_step", "on_train_batch_end"),
)


class Module(lightning.LightningModule):
    """The tiny model."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self._optimizer = tiny()

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the loss."""
        return F.cross_entropy(self.model(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return self._optimizer


class Nothing(lightning.Callback):
    """Does nothing."""

    def on_train_batch_end(self, *arguments: Any) -> None:
        """Be called."""


class Beat(lightning.Callback):
    """Tells the pace of batches that are over."""

    def __init__(self, turns: Turns) -> None:
        self._ended = turns.batch_ended

    def on_train_batch_end(self, *arguments: Any) -> None:
        """A batch is over."""
        self._ended()


class Batches:
    """The same batch again and again."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._batch = torch.randn(BATCH, WIDTH), torch.randint(0, 10, (BATCH,))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        """Yield them."""
        return (self._batch for _ in range(self._count))


def train(turns: Turns) -> None:
    """Train an epoch."""
    with tempfile.TemporaryDirectory() as directory:
        measured = bridge(idle(), run_dir=directory)
        turns.watch(Exchanged(measured, HOOKS, Nothing()))
        lightning.Trainer(
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
            callbacks=[measured, Beat(turns)],
        ).fit(Module(), Batches(turns.batches))

"""Hugging Face's trainer without logging, evaluation and saving."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from torch.nn import functional as F

from benchmarks.hosts.idle import idle
from benchmarks.pace import Pace
from benchmarks.timed import BATCH, WIDTH, tiny
from lineside.bridges.transformers import transformers as bridge

NAME = "Hugging Face"
BATCHES = 30_000
HOOKS = ("outputs_are", "on_pre_optimizer_step", "on_step_end")


class Module(torch.nn.Module):
    """The tiny model."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.optimizer = tiny()

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss."""
        return {"loss": F.cross_entropy(self.model(inputs), labels)}


class Nothing(transformers.TrainerCallback):
    """Does nothing."""

    def on_step_end(self, *arguments: Any, **options: Any) -> None:
        """Be called."""


class Beat(transformers.TrainerCallback):
    """Tells the pace of batches that are over."""

    def __init__(self, pace: Pace) -> None:
        self._ended = pace.batch_ended

    def on_step_end(self, *arguments: Any, **options: Any) -> None:
        """A batch is over."""
        self._ended()


class Batches:
    """The same batch again and again."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._batch = {"inputs": torch.randn(BATCH, WIDTH), "labels": torch.randint(0, 10, (BATCH,))}

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield them; the trainer takes entries out of what it is given."""
        return (dict(self._batch) for _ in range(self._count))


def train(pace: Pace, *, bridged: bool) -> None:
    """Train an epoch."""

    class Trainer(transformers.Trainer):
        def get_train_dataloader(self) -> Any:
            return Batches(pace.batches)

    model = Module()
    with tempfile.TemporaryDirectory() as directory:
        measured = bridge(idle(), run_dir=directory) if bridged else Nothing()
        pace.watch(measured, HOOKS, around=["training_step"])
        arguments = transformers.TrainingArguments(
            output_dir=directory,
            num_train_epochs=1,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(
            model,
            arguments,
            train_dataset=[None] * pace.batches,
            optimizers=(model.optimizer, None),
            callbacks=[measured, Beat(pace)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()

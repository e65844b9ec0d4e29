"""Hugging Face's trainer without logging, evaluation and saving."""

from __future__ import annotations

import tempfile
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from torch.nn import functional as F

from benchmarks.hosts.idle import idle
from benchmarks.pace import Exchanged, Turns
from benchmarks.timed import BATCH, WIDTH, tiny
from lineside.bridges.transformers import transformers as bridge

NAME = "Hugging Face"
BATCHES = 30_000
ONLY_HOOKS = False
HOOKS = ("on_step_begin", "on_pre_optimizer_step", "on_optimizer_step", "on_step_end")


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

    def __init__(self, turns: Turns) -> None:
        self._ended = turns.batch_ended

    def on_step_end(self, *arguments: Any, **options: Any) -> None:
        """A batch is over."""
        self._ended()


class Samples:
    """The same sample again and again."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._sample = {"inputs": torch.randn(WIDTH), "labels": torch.tensor(1)}

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Return it."""
        return self._sample


def train(turns: Turns) -> None:
    """Train an epoch."""
    model = Module()
    with tempfile.TemporaryDirectory() as directory:
        measured = bridge(idle(), run_dir=directory)
        arguments = transformers.TrainingArguments(
            output_dir=directory,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = transformers.Trainer(
            model,
            arguments,
            train_dataset=Samples(BATCH * turns.batches),
            optimizers=(model.optimizer, None),
            callbacks=[measured, Beat(turns)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        own = SimpleNamespace(training_step=partial(transformers.Trainer.training_step, trainer))
        turns.watch(Exchanged(measured, HOOKS, Nothing()), Exchanged(trainer, ["training_step"], own))
        trainer.train()

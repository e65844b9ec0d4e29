"""The toy line as a LightningModule, and trainers for it; imports Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside.testing import toy


class Line(L.LightningModule):
    """y = w x + b by plain gradient descent; the rate falls by half behind each epoch if that is wanted."""

    def __init__(self, halve: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)
        self.seen: list[tuple[int, float]] = []

    def forward(self, inputs: Any) -> Any:
        return self.layer(inputs)

    def training_step(self, batch: Any, index: int) -> Any:
        self.seen.append((self.current_epoch, batch[0].sum().item()))
        return F.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", F.mse_loss(self(batch[0]), batch[1]))

    def test_step(self, batch: Any, index: int) -> None:
        self.log("test_loss", F.mse_loss(self(batch[0]), batch[1]))

    def predict_step(self, batch: Any, index: int) -> Any:
        return self(batch[0])

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=toy.LEARNING_RATE)
        if not self.hparams["halve"]:
            return optimizer
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


def loader(points: toy.Points, batch_size: int = toy.BATCH_SIZE) -> DataLoader[Any]:
    inputs, targets = (torch.tensor(column) for column in zip(*points, strict=True))
    return DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)


def training() -> DataLoader[Any]:
    return loader(toy.training_points())


def validation() -> DataLoader[Any]:
    return loader(toy.validation_points())


def trainer(*callbacks: Any, **options: Any) -> L.Trainer:
    silent: dict[str, Any] = {"logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return L.Trainer(callbacks=list(callbacks), **{**silent, **quiet, **options})


def fit(callbacks: Sequence[Any], model: Line | None = None, **options: Any) -> L.Trainer:
    """Train the toy with what goes into `Trainer`."""
    made = trainer(*callbacks, **options)
    made.fit(model or Line(), training(), validation())
    return made

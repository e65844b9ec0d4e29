"""Small data, a small model, and a callback that keeps what a test wants to look at."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lineside


def points(size: int = 40, seed: int = 0) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 4, generator=generator)
    return TensorDataset(inputs, (inputs.sum(1) > 0).long())


def loader(size: int = 40, batch: int = 10, **options: Any) -> DataLoader[Any]:
    return DataLoader(points(size), batch_size=batch, **options)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (outputs.argmax(1) == targets).float().mean()


class Probe(lineside.Callback):
    """Keeps what a test wants to look at."""

    def __init__(self) -> None:
        super().__init__(on_error="raise")
        self.steps: list[int] = []
        self.losses: list[float] = []

    def on_batch_end(self, run: lineside.RunView) -> None:
        self.steps.append(run.step)
        self.losses.append(float(run.loss))

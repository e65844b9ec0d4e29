"""What configurations in tests name: data, models, functions, callbacks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lineside.callback import Callback
from lineside.secret import Secret


class Split(NamedTuple):
    train: Any
    val: Any = None
    test: Any = None


def points(size: int = 40, seed: int = 0) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 4, generator=generator)
    return TensorDataset(inputs, (inputs.sum(1) > 0).long())


def loader(size: int = 40, batch: int = 10, shuffle: bool = False) -> DataLoader[Any]:
    return DataLoader(points(size), batch_size=batch, shuffle=shuffle)


def loaders(batch: int = 10) -> Split:
    return Split(loader(40, batch, shuffle=True), loader(20, 20), loader(20, 20))


class Net(nn.Module):
    """A small network.

    Args:
        hidden: its width.
        act: what stands between the layers.
    """

    def __init__(self, hidden: int = 8, *, dropout: float = 0.0, act: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), act or nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 2))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layers(inputs)


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (outputs.argmax(1) == targets).float().mean()


def grouped(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    first, *others = model.parameters()
    return torch.optim.SGD([{"params": [first], "lr": lr / 10}, {"params": others}], lr=lr)


def own_step(model: nn.Module, batch: Any, run: Any) -> torch.Tensor:
    inputs, targets = batch
    return nn.functional.cross_entropy(model(inputs), targets)


class Mailer(Callback):
    """Would send mail.

    Args:
        token: of the server.
        address: where to.
        size: ``"small"`` or ``"large"``.
        format_line: makes a line of the metrics.
    """

    def __init__(
        self,
        token: Secret | None = None,
        address: str = "",
        password: str = "",
        size: Literal["small", "large"] = "small",
        format_line: Callable[[dict[str, float]], str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.token, self.address, self.password, self.size = token, address, password, size
        self.format_line = format_line
        if address == "refused":
            raise ValueError(f"{token!s} {password} is refused")


class Bare(Callback):
    """Takes no common options."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def on_epoch_end(self, run: Any) -> None: ...


class SignalAt(Callback):
    """Signals its own process behind a step, once in all attempts."""

    def __init__(self, step: int, signal: int, marker: Path) -> None:
        super().__init__()
        self.step, self.signal, self.marker = step, signal, marker

    def on_step_end(self, run: Any) -> None:
        if run.step == self.step and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), self.signal)

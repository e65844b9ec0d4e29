"""A small training, every part of which can be made anew as a resumed process would make it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer, lr_scheduler

from lineside.backends.torch.host import TorchHost
from lineside.ports import Capabilities
from tests.unit.backends.torch.saved import SavedFolder

CAPABILITIES = Capabilities(frozenset(), frozenset(), {"validate": "there is no val_loader"})


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1))


def host(model: Any, optimizers: Any, **parts: Any) -> TorchHost:
    return TorchHost("loop", CAPABILITIES, model, optimizers, **parts)


def bits(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.stride(), value.detach().double().flatten().tolist()
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items() if not callable(item)}
    return [bits(item) for item in value] if isinstance(value, (list, tuple)) else value


MOMENTUM = partial(SGD, lr=0.1, momentum=0.9)


class Training:
    """A small training, whose every part is made anew as a resumed process would make it."""

    def __init__(
        self,
        make_optimizer: Callable[[Any], Optimizer] = MOMENTUM,
        make_scheduler: Callable[[Optimizer], Any] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.model = net().to(dtype)
        self.optimizer = make_optimizer(self.model.parameters())
        self.scheduler = make_scheduler(self.optimizer) if make_scheduler else None
        self.host = host(self.model, self.optimizer, schedulers=[self.scheduler] if self.scheduler else ())
        self.dtype = dtype

    def train(self, first: int, steps: int) -> None:
        for step in range(first, first + steps):
            data = torch.Generator().manual_seed(step)
            x = torch.randn(8, 3, generator=data).to(self.dtype)
            y = x.sum(1, keepdim=True)

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                self.optimizer.zero_grad()
                loss = nn.functional.mse_loss(self.model(x), y)
                loss.backward()
                return loss

            loss = self.optimizer.step(closure)
            if isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
                self.scheduler.step(loss.detach())
            elif self.scheduler is not None:
                self.scheduler.step()

    def save(self, folder: Path) -> SavedFolder:
        return SavedFolder(folder, self.host.capture(), self.host.generators())

    def restore(self, saved: SavedFolder) -> None:
        self.host.restore(saved)
        self.host.restore_generators(saved)

    def everything(self) -> dict[str, Any]:
        """All numbers of the training, as their bits."""
        found: dict[str, Any] = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, parameter in enumerate(self.model.parameters()):
            found.update({f"{index}.{key}": value for key, value in self.optimizer.state.get(parameter, {}).items()})
        found["groups"] = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        found["scheduler"] = self.scheduler.state_dict() if self.scheduler else None
        return {name: bits(value) for name, value in found.items()}

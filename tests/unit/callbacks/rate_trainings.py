"""Small real trainings whose learning rates are looked at, and which die and resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from lineside.callback import Callback
from lineside.fit_result import FitResult
from lineside.trainer import Trainer

BATCHES = 4
"""In an epoch."""


class UsedRates(Callback):
    """Notes the rates that the optimizer really used for each step, and the loss."""

    name = "used-rates"
    on_error = "raise"

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, tuple[tuple[float, ...], float]] = {}

    def on_setup(self, run: Any) -> None:
        self.used: list[float] = []
        for optimizer in run.optimizers.values():
            # The last hook before the step: whatever changes a rate has done so.
            optimizer.register_step_pre_hook(self.note)

    def on_train_start(self, run: Any) -> None:
        for optimizer in run.optimizers.values():
            hooks = optimizer._optimizer_step_pre_hooks
            own = next(key for key, hook in hooks.items() if hook == self.note)
            hooks.move_to_end(own)

    def on_batch_start(self, run: Any) -> None:
        self.on_train_start(run)

    def note(self, optimizer: Optimizer, *_: Any) -> None:
        self.used = [float(group["lr"]) for group in optimizer.param_groups]

    def on_batch_end(self, run: Any) -> None:
        self.seen[run.step] = tuple(self.used), float(run.batch_metrics["loss"])

    @property
    def rates(self) -> list[float]:
        """Of the first group, step by step."""
        return [rates[0] for rates, _ in self.seen.values()]


class Dies(Callback):
    """Saves at a step of the first attempt, and dies two batches later."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_batch_end(self, run: Any) -> None:
        if run.attempt == 1 and run.step == self.step:
            run.save()
        if run.attempt == 1 and run.step == self.step + 2:
            raise KeyboardInterrupt


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def loader() -> DataLoader[Any]:
    inputs = torch.randn(BATCHES * 5, 4, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(inputs, (inputs.sum(1) > 0).long()), batch_size=5, shuffle=True)


def fit(
    run_dir: Path,
    callbacks: Sequence[Callback | str],
    *,
    lr: float = 0.1,
    epochs: int = 3,
    groups: bool = False,
    scheduler: Callable[[Optimizer], Any] | None = None,
    name: str = "run",
    resume: str | None = None,
    **options: Any,
) -> tuple[UsedRates, nn.Module, FitResult]:
    """Train; return the rates that were used, the model, and what the fit left."""
    model = net()
    layers = [{"params": model[0].parameters(), "lr": 2 * lr}, {"params": model[3].parameters()}]
    optimizer = SGD(layers if groups else model.parameters(), lr=lr, momentum=0.9)
    given = {"scheduler": scheduler(optimizer)} if scheduler is not None else {}
    used = UsedRates()
    trainer = Trainer(
        model,
        optimizer,
        F.cross_entropy,
        callbacks=[*callbacks, used],
        device="cpu",
        run_dir=run_dir,
        name=name,
        **given,
        **options,
    )
    result = trainer.fit(loader(), loader(), epochs=epochs, resume=resume)
    return used, model, result


def check_resumed(run_dir: Path, make: Callable[[], Sequence[Callback]], **options: Any) -> list[float]:
    """Let trainings die at several steps, and resume them; return the rates of the whole one.

    Each must end bit for bit as the one that was not interrupted, with the same rate at each step.
    """
    whole, model, result = fit(run_dir, make(), name="whole", **options)
    for step in (1, BATCHES, BATCHES + 2):
        name = f"dies-at-{step}"
        with pytest.raises(KeyboardInterrupt):
            fit(run_dir, [*make(), Dies(step)], name=name, **options)
        resumed, again, ended = fit(run_dir, [*make(), Dies(step)], name=name, resume="auto", **options)
        assert resumed.seen == {key: value for key, value in whole.seen.items() if key > step}, f"resumed at {step}"
        for one, other in zip(again.state_dict().values(), model.state_dict().values(), strict=True):
            assert torch.equal(one, other), f"resumed at {step}"
        assert ended.history["lr"] == result.history["lr"], f"resumed at {step}"
    return whole.rates

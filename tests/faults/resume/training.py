"""A small training with everything in it that a resume can get wrong, and a callback that kills it at any event."""

from __future__ import annotations

import hashlib
import os
import random
import signal
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import lineside
from lineside.callback import Hook
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.events import Event

EPOCHS = 8
COUNTED = [event for event in Event if event not in (Event.ALERT, Event.EXCEPTION, Event.TEARDOWN)]


class Augmented(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Noisy points with random signs: three generators have a hand in every sample."""

    def __init__(self, size: int, seed: int, *, augment: bool) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._inputs = torch.randn(size, 6, generator=generator)
        noise = torch.randn(size, generator=generator)
        self._targets = (self._inputs.sum(1) + 2.0 * noise > 0).long()
        self._augment = augment

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = self._inputs[index]
        if self._augment:
            inputs = inputs + 0.1 * torch.randn(6) * random.random()
        return inputs, self._targets[index]


class Killer(lineside.Callback):
    """Counts events, and kills its own process at one of them."""

    def __init__(self, at: int | None, number: signal.Signals, note: Path) -> None:
        super().__init__(on_error="raise")
        self.seen = 0
        self._note = note
        self._at = at
        self._number = number

    def hooks(self) -> dict[Event, Hook]:
        return {event: Hook(self._look if event.payload is None else self._look_at) for event in COUNTED}

    def _look_at(self, run: lineside.RunView, payload: object) -> None:
        self._look(run)

    def _look(self, run: lineside.RunView) -> None:
        self.seen += 1
        if self.seen == self._at:
            self._note.write_text(str(run.step))
            os.kill(os.getpid(), self._number)


def train(directory: Path, kill_at: int | None = None, number: signal.Signals = signal.SIGKILL) -> dict[str, Any]:
    """Train, or go on; return everything that must be the same whatever happened on the way."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    directory.mkdir(parents=True, exist_ok=True)
    killer = Killer(kill_at, number, directory / "step")
    stopping = EarlyStopping(patience=4, restore_best_weights=True)
    trainer = lineside.Trainer(
        model,
        optimizer,
        loss=F.cross_entropy,
        callbacks=[
            ModelCheckpoint(every="3 steps", keep_last=2),
            stopping,
            ReduceLROnPlateau(patience=1, factor=0.5),
            "terminate-on-nan",
            "log-metrics",
            killer,
        ],
        scheduler=scheduler,
        device="cpu",
        run_dir=directory,
        seed=3,
    )
    train_loader = DataLoader(Augmented(60, 1, augment=True), batch_size=8, shuffle=True, num_workers=2)
    val_loader = DataLoader(Augmented(40, 2, augment=False), batch_size=16)
    result = trainer.fit(train_loader, val_loader, epochs=EPOCHS, resume="auto")
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return {
        "weights": digest.hexdigest(),
        "history": {name: [value.hex() for value in values] for name, values in result.history.items()},
        "reason": result.reason,
        "best": result.best.step if result.best is not None else None,
        "last": result.last.step if result.last is not None else None,
        "decisions": repr(sorted(stopping.state_dict().items())),
        "rows": (result.run / "metrics.csv").read_text().count("\n"),
        "events": killer.seen,
    }

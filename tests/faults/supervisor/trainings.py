"""Trainings of three kinds that kill themselves once, and say at their end whether that made a difference.

``python trainings.py trainer|loop|lightning DIRECTORY`` trains in the directory; the first attempt dies at its seventh
step. The next one goes on, then trains once more, undisturbed, and prints the digests of the weights of both.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lineside
from lineside.callbacks.model_checkpoint import ModelCheckpoint

EPOCHS, KILLED_AT = 3, 7


class Killer(lineside.Callback):
    """Kills the process of the first attempt."""

    def on_batch_end(self, run: lineside.RunView) -> None:
        if run.attempt == 1 and run.name.startswith("disturbed") and run.step == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def data(*, shuffle: bool = True) -> DataLoader[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 4, generator=generator)
    return DataLoader(TensorDataset(inputs, (inputs.sum(1) > 0).long()), batch_size=8, shuffle=shuffle)


def train(kind: str, directory: Path, name: str) -> str:
    """Train, or go on; return a digest of the weights."""
    torch.manual_seed(0)
    # Lightning draws random numbers of its own, so that neither dropout nor the order of data repeats there.
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.0 if kind == "lightning" else 0.2), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    callbacks = [
        ModelCheckpoint(every="1 epochs" if kind == "lightning" else "2 steps", monitor=None),
        Killer(on_error="raise"),
    ]
    place = {"run_dir": directory, "name": name}
    if kind == "trainer":
        trainer = lineside.Trainer(model, optimizer, loss=F.cross_entropy, callbacks=callbacks, device="cpu", **place)
        trainer.fit(data(), epochs=EPOCHS)
    elif kind == "loop":
        loader = data()
        with lineside.Run(model=model, optimizer=optimizer, callbacks=callbacks, **place) as run:
            for _ in run.epochs(EPOCHS):
                for inputs, targets in run.batches(loader):
                    loss = F.cross_entropy(model(inputs), targets)
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    run.log({"train/loss": loss})
    else:
        train_with_lightning(model, callbacks, place)
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def train_with_lightning(model: nn.Module, callbacks: list[lineside.Callback], place: dict[str, object]) -> None:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
            return F.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[lineside.lightning(callbacks, **place)],
    )
    trainer.fit(Module(), data(shuffle=False))


def main() -> None:
    kind, directory = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    print(f"disturbed {train(kind, directory, 'disturbed')}", flush=True)
    print(f"undisturbed {train(kind, directory, 'undisturbed')}", flush=True)


if __name__ == "__main__":
    main()

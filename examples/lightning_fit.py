"""Callbacks of Lineside in a trainer of Lightning: ``python examples/lightning_fit.py [RUN_DIR]``."""

from __future__ import annotations

import sys
from typing import Any

import lightning as L
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside.bridges.lightning import lightning


class Classifier(L.LightningModule):
    """Tells whether four numbers add up to more than nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        return F.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: Any, index: int) -> None:
        """Log the loss under the name that callbacks monitor."""
        self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain gradient descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main(run_dir: str = "runs") -> None:
    """Train, or go on where an interrupted training stopped."""
    L.seed_everything(0)
    inputs = torch.randn(320, 4)
    data = TensorDataset(inputs, (inputs.sum(1) > 0).long())
    bridge = lightning(["early-stopping", "model-checkpoint"], name="sums", run_dir=run_dir, resume="auto")
    trainer = L.Trainer(
        max_epochs=5, callbacks=[bridge], logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(Classifier(), DataLoader(data, 32, shuffle=True), DataLoader(data, 320))
    if bridge.run is not None:
        print(f"{bridge.run.reason}; the best: {bridge.run.checkpoints.best}; {bridge.run.dir}")


if __name__ == "__main__":
    main(*sys.argv[1:2])

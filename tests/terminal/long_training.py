"""A training that goes on until somebody ends it, for tests that steer it from other processes."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside import Callback, RunView, Trainer


class Announce(Callback):
    """Says where the run lies when it has begun to train."""

    def on_epoch_start(self, run: RunView) -> None:
        if run.epoch == 0:
            print(run.dir, flush=True)


def main() -> None:
    """Train in the directory that the first argument names."""
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    data = TensorDataset(inputs, (inputs.sum(1) > 0).long())
    model = nn.Linear(4, 2)
    trainer = Trainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        F.cross_entropy,
        callbacks=[Announce()],
        run_dir=Path(sys.argv[1]),
        project="live",
        name="long",
    )
    trainer.fit(DataLoader(data, batch_size=8), DataLoader(data, batch_size=64), epochs=1_000_000)


if __name__ == "__main__":
    main()

"""A training that goes on until somebody ends it, for tests that steer it from other processes.

Arguments: the directory of runs, and `trainer` or `loop`.
"""

from __future__ import annotations

import sys

from lineside import Callback, Run, RunView


class Announce(Callback):
    """Says where the run lies when it has begun to train."""

    def on_epoch_start(self, run: RunView) -> None:
        if run.epoch == 0:
            print(run.dir, flush=True)


def trainer(run_dir: str) -> None:
    """Train a small model with the native trainer."""
    import torch
    from torch import nn
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, TensorDataset

    from lineside import Trainer

    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(inputs, (inputs.sum(1) > 0).long())
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training = Trainer(
        model, optimizer, F.cross_entropy, callbacks=[Announce()], run_dir=run_dir, project="live", name="long"
    )
    training.fit(DataLoader(data, batch_size=8), DataLoader(data, batch_size=64), epochs=1_000_000)


def loop(run_dir: str) -> None:
    """Train nothing in a loop of one's own."""
    with Run(callbacks=[Announce()], run_dir=run_dir, project="live", name="long") as run:
        for _ in run.epochs(1_000_000):
            for batch in run.batches(range(10)):
                run.log({"loss": 1.0 / (1 + batch)})
                run.stepped()


if __name__ == "__main__":
    {"trainer": trainer, "loop": loop}[sys.argv[2]](sys.argv[1])

"""A training as a process of its own: ``python resumed_training.py FOLDER begin|resume``, killed in mid-epoch or not.

Shuffled data in two workers, random augmentation, BatchNorm, dropout, momentum and a scheduler.
``begin`` saves in the middle of the second epoch, and prints what the whole training ends with; ``resume`` goes on.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.tensors import to_bytes
from lineside.ports import Capabilities
from tests.unit.backends.torch.loader_cases import Augmented
from tests.unit.backends.torch.saved import SavedFolder

EPOCHS, SAVE_AT = 3, (1, 2)


def main(folder: Path, how: str) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    host = TorchHost(
        "loop",
        Capabilities(frozenset(), frozenset()),
        model,
        optimizer,
        schedulers=[scheduler],
    )
    source = host.source(DataLoader(Augmented(), 4, shuffle=True, num_workers=2), 5, "train")
    start = (0, 0)
    if how == "begin":
        host.seed(5)
        for layer in (model[0], model[3]):
            layer.reset_parameters()
    else:
        saved = SavedFolder(folder)
        host.restore(saved)
        host.restore_generators(saved)
        start = SAVE_AT
    for epoch in range(start[0], EPOCHS):
        skip = start[1] if epoch == start[0] else 0
        for number, batch in enumerate(source.batches(epoch, skip), skip):
            if how == "begin" and (epoch, number) == SAVE_AT:
                SavedFolder(folder, host.capture(), host.generators())
            optimizer.zero_grad()
            loss = (model(batch) - batch.sum(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
    digest = hashlib.sha256(to_bytes(host.model.capture())).hexdigest()
    print(digest, scheduler.get_last_lr(), torch.rand(()).item())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

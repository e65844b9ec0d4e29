from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, lr_scheduler

from lineside.backends.torch.standing import standing


def test_schedulers_stand_still_inside_and_go_on_afterwards() -> None:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=3)
    optimizer.step()
    scheduler.step()
    with standing([scheduler]):
        for _ in range(10):
            scheduler.step()
        assert scheduler.last_epoch == 1
    scheduler.step()
    assert scheduler.last_epoch == 2
    assert "step" not in vars(scheduler)

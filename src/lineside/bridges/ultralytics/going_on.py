"""Where Ultralytics' loop goes on."""

from __future__ import annotations

from typing import Any


def go_on(trainer: Any, epoch: int) -> None:
    """Let the loop of a trainer that is set up begin with an epoch, from 0."""
    trainer.start_epoch = epoch
    trainer.scheduler.last_epoch = epoch - 1
    model: Any = trainer.model
    for wrapper in ("module", "_orig_mod"):  # of several processes, and of torch.compile
        model = getattr(model, wrapper, model)
    criterion = model.init_criterion()
    if hasattr(criterion, "update"):  # its weights move from epoch to epoch
        for _ in range(epoch):
            criterion.update()
    model.criterion = criterion

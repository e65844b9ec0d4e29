"""The training of the circle: it learns well, until somebody's finger slips and the validation loss explodes.

``python examples/circle/training.py RUN_DIR``; the addresses of alerts stand in variables, as in any company.
"""

from __future__ import annotations

import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside import Callback, RunView, Trainer
from lineside.callbacks import Alert, EmailAlertCallback, ModelCheckpoint, ReduceLROnPlateau

SLIP_IN_EPOCH = 5
"""Counted from 0; by then the training has been killed and has gone on."""
CHATS = ["$CIRCLE_WECOM", "$CIRCLE_WEBHOOK"]


class Slip(Callback):
    """Somebody means 0.015 and types 1.5."""

    def on_epoch_start(self, run: RunView) -> None:
        """Ask for it."""
        if run.epoch == SLIP_IN_EPOCH:
            run.set_lr(1.5, reason="a slip of the finger")


class Unhurried(Callback):
    """A real epoch takes longer, so that there is a middle to be killed in."""

    def on_batch_end(self, run: RunView) -> None:
        """Wait."""
        time.sleep(0.05)


def main() -> None:
    """Train, or go on: the supervisor makes the difference."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(512, 8, generator=generator)
    data = TensorDataset(inputs, inputs.sum(1, keepdim=True))
    model = nn.Linear(8, 1)
    trainer = Trainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.02),
        F.mse_loss,
        callbacks=[
            ModelCheckpoint(every="1 epochs", keep_last=3),
            ReduceLROnPlateau(patience=1, factor=0.8),
            Alert("val/loss > 10", name="exploded", to=CHATS, level="error"),
            Alert("val/loss > 10", name="hopeless", for_="2 epochs", then="stop", to=CHATS, level="error"),
            Alert("run-died", name="died", to=CHATS),
            EmailAlertCallback(["ada@example.com"], server="$CIRCLE_MAIL", sender="lineside@example.com"),
            Slip(),
            Unhurried(),
        ],
        run_dir=sys.argv[1],
        project="circle",
        device="cpu",
    )
    result = trainer.fit(DataLoader(data, 32, shuffle=True), DataLoader(data, 128), epochs=20)
    print(f"the training ends: {result.reason}", flush=True)


if __name__ == "__main__":
    main()

"""A training whose alerts reach nobody: each channel fails in another way, and none may tell what it knows.

Arguments: where runs lie, and where a chat listens that repeats in its refusal what it was asked.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside import Callback, Trainer
from lineside.callbacks import Alert, EmailAlertCallback, SummaryReport
from lineside.errors import LinesideError

CANARIES = {
    where: f"CANARY{where}{number:04d}a1b2c3d4" for number, where in enumerate(("URL", "ENV", "FILE", "PW", "HOOK"))
}


class Shouts(Callback):
    """Raises, with every alert in its frames, and with alerts as its message."""

    def on_epoch_end(self, run) -> None:
        alerts = ALERTS
        raise RuntimeError(f"{alerts} {[alert.routes for alert in alerts]} {[vars(alert) for alert in alerts]}")


def main(run_dir: str, endpoint: str) -> None:
    logging.basicConfig(level=logging.DEBUG)
    for alert in ALERTS:
        alert.close_timeout = 15.0  # a busy machine takes a while to load what sends
    x = torch.randn(64, 4)
    data = DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), batch_size=16)
    model = torch.nn.Linear(4, 2)
    for wrong in (f"wecomboot://{CANARIES['URL']}", f"jsons://x/{CANARIES['URL']}", f"wecombot:/{CANARIES['URL']}"):
        try:
            Alert("val/loss > 0", to=[wrong])
        except LinesideError:
            traceback.print_exc(limit=0)
    Trainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        loss=F.cross_entropy,
        callbacks=[*ALERTS, Shouts(close_timeout=3.0), SummaryReport(close_timeout=3.0)],
        device="cpu",
        run_dir=run_dir,
        hparams={"note": "nothing secret"},
    ).fit(data, data, epochs=2)


if __name__ == "__main__":
    where, chat = sys.argv[1:]
    ALERTS = [
        # Refused for good, by a service that repeats the key; malformed, which Apprise would log with the key in it.
        Alert("val/loss > 0", name="url", to=[f"wecombot://{CANARIES['URL']}?endpoint={chat}"]),
        Alert("val/loss > 0", name="malformed", to=[f"wecombot://{CANARIES['URL']}%21?endpoint={chat}"]),
        # Not reached, from the environment and from a file.
        Alert("val/loss > 0", name="env", to=["wecombot://${WECOM_KEY}?endpoint=http://127.0.0.1:9"]),
        Alert("val/loss > 0", name="file", to=[f"file:{os.environ['ADDRESS_FILE']}"]),
        Alert("val/loss > 0", name="hook", to=[f"http://ada:{CANARIES['HOOK']}@127.0.0.1:9/{CANARIES['HOOK']}?token={CANARIES['HOOK']}"]),
        EmailAlertCallback(["bob@example.com"], server="mailtos://ada:${MAIL_PASSWORD}@127.0.0.1:9"),
    ]  # fmt: skip
    main(where, chat)

"""A training that a real SIGTERM ends in its second epoch: ``python -m …interrupted RUN_DIR``."""

from __future__ import annotations

import os
import signal
import sys

from lineside.bridges.lightning import lightning
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks
from tests.frameworks.lightning.line import fit

if __name__ == "__main__":
    terminated = Asks(lambda _: os.kill(os.getpid(), signal.SIGTERM), Event.BATCH_END, epoch=1, batch=1)
    saves = Asks(lambda run: run.save("periodic"), Event.EPOCH_END, name="saves")
    fit([lightning([terminated, saves], run_dir=sys.argv[1])], max_epochs=3)
    sys.exit("The training was not interrupted.")

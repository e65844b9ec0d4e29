"""A training that a real SIGTERM ends in its second epoch: ``python -m …interrupted RUN_DIR``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lineside.bridges.transformers import transformers
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks
from tests.frameworks.transformers.line import trainer

if __name__ == "__main__":
    place = Path(sys.argv[1])
    terminated = Asks(lambda _: os.kill(os.getpid(), signal.SIGTERM), Event.BATCH_END, epoch=1, batch=1)
    trainer(place, transformers([terminated], run_dir=place)).train()
    sys.exit("The training was not interrupted.")

"""A run without a model that makes a step at each line that it reads, so that a test says when it moves.

``python steps.py DIRECTORY [ADDRESS]`` prints its directory first. What is not known of the lines is just a step. With
an address all alerts go there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from lineside import Callback
from lineside.ports import Route
from lineside.run import Run, wiring

wiring.REPORT_INTERVAL = 0.2


class Tells(Callback):
    """Has everybody's alerts sent."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self.routes = [Route(address) for address in addresses]


def obey(run: Run, line: str) -> None:
    word, _, argument = line.partition(" ")
    if word == "pause":
        run.pause("a test")
    elif word == "stop":
        run.stop("a test")
    elif word == "exit":
        os._exit(int(argument))
    elif word == "raise":
        raise MemoryError(argument)
    elif word == "alert":
        run.alert(argument)
    elif word == "hang":
        threading.Event().wait(float(argument))
    elif word == "fill":
        hold = []
        while True:
            hold.append(bytearray(os.urandom(1)) * 10_000_000)
            time.sleep(0.01)


def main() -> None:
    with Run(run_dir=Path(sys.argv[1]), seed=None, callbacks=[Tells(*sys.argv[2:])]) as run:
        print(f"attempt {run.attempt} in {run.dir} as {os.getpid()}", flush=True)
        for _ in run.epochs(1):
            for line in run.batches(line.strip() for line in sys.stdin):
                obey(run, line)
                run.stepped()
                print(f"step {run.step}", flush=True)


if __name__ == "__main__":
    main()

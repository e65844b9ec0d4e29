"""A training in a process of its own that waits for signals: ``python interrupted.py RUN_DIR WHERE SIGNALS``.

It says ``ready`` whenever it waits, in its third batch or in its second validation batch, and tells what its callbacks
see at the end.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from lineside import Callback, Run


class Tell(Callback):
    def on_exception(self, run: Any, error: BaseException) -> None:
        print("on_exception", type(error).__name__, flush=True)

    def on_train_end(self, run: Any) -> None:
        print("on_train_end", flush=True)

    def on_teardown(self, run: Any) -> None:
        print("on_teardown", run.step, flush=True)

    def on_val_end(self, run: Any) -> None:
        print("on_val_end", flush=True)


def wait(run: Run, signals: int) -> None:
    print("ready", flush=True)
    while run.interrupting is None:
        time.sleep(0.001)
    if signals == 2:
        print("ready", flush=True)
        while True:  # until the second one raises
            time.sleep(0.001)


def main(run_dir: str, where: str, signals: int) -> None:
    with Run(callbacks=[Tell()], run_dir=run_dir) as run:
        for _ in run.epochs(3):
            for number in run.batches([0, 1, 2, 3]):
                run.stepped()
                if where == "training" and number == 2:
                    wait(run, signals)
            with run.validation():
                for number in run.batches([0, 1, 2]):
                    if where == "validation" and number == 1:
                        wait(run, signals)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

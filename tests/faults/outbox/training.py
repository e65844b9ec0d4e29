"""A training that raises alerts, for tests that kill it: `python training.py RUN_DIR [option=value ...]`.

It prints ``open <directory>``, and the title of each alert when `run.alert` has returned.
"""

from __future__ import annotations

import sys
import time

import lineside.run.post
from lineside import Callback, Run
from lineside.ports import Route

DESTINATIONS = ("$RECEIVER_A", "$RECEIVER_B")


class Alarming(Callback):
    routes = tuple(Route(destination) for destination in DESTINATIONS)
    close_timeout = 3.0


def main(run_dir: str, *options: str) -> None:
    lineside.run.post.SENDERS = {"alert": "tests.faults.outbox.http_sender:HttpSender"}
    given = dict(option.split("=") for option in options)
    with Run(callbacks=[Alarming()], run_dir=run_dir, name="alarming", resume=given.get("resume")) as run:
        print("open", run.dir, flush=True)
        for epoch in run.epochs(int(given.get("epochs", 10_000))):
            title = f"attempt {run.attempt}, epoch {epoch}"
            run.alert(title)
            print(title, flush=True)
            for _ in run.batches(range(3)):
                time.sleep(float(given.get("sleep", 0.0)))
            if "pause" in given:
                sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])

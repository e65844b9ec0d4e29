"""What alerts cost a training whose destinations all misbehave: a step, an alert, the end."""

from __future__ import annotations

import logging
import os
import socket
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import lineside
import lineside.run.post
from benchmarks.steps import with_lineside
from benchmarks.timed import SEGMENT, TimedBatches, race, report
from lineside.ports import Route
from tests.faults.outbox.receiver import receiving

SEGMENTS = 150
ROUNDS = 3
DEADLINE = 3.0
ALERTS = 10
TROUBLE = {"a": "hang", "b": "hang", "c": "drip", "d": "drip", "e": "500", "f": "429 2"}


class Alarming(lineside.Callback):
    """Raises alerts at the start, each for every destination; their sender is busy with them for the whole run."""

    close_timeout = DEADLINE

    def __init__(self, destinations: list[str]) -> None:
        super().__init__()
        self.routes = [Route(destination) for destination in destinations]
        self.recording: list[float] = []
        self.ending = 0.0

    def on_train_start(self, run: lineside.RunView) -> None:
        """Raise them."""
        for number in range(ALERTS):
            start = perf_counter()
            run.alert(f"alert {number}", "something happened")
            self.recording.append(perf_counter() - start)

    def on_teardown(self, run: lineside.RunView) -> None:
        """Remember when the end began."""
        self.ending = perf_counter()


@contextmanager
def misbehaving() -> Iterator[list[str]]:
    """Give destinations that hang, drip a byte a second, answer 500 or 429, or refuse the connection."""
    with receiving() as receiver, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        os.environ["BENCH_CLOSED"] = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        receiver.trouble = {f"/{path}": trouble for path, trouble in TROUBLE.items()}
        for path in TROUBLE:
            os.environ[f"BENCH_{path.upper()}"] = receiver.address(path)
        yield [f"$BENCH_{path.upper()}" for path in TROUBLE] + ["$BENCH_CLOSED"]


def main() -> None:
    """Print the table, and two sentences."""
    logging.disable(logging.WARNING)  # each run says what did not arrive
    lineside.run.post.SENDERS = {"alert": "tests.faults.outbox.http_sender:HttpSender"}
    with misbehaving() as destinations, tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        recording, ends = [], []

        def alarming(batches: TimedBatches) -> None:
            callback = Alarming(destinations)
            with_lineside(lambda: [callback])(batches)
            ends.append(perf_counter() - callback.ending)
            recording.extend(callback.recording)

        pairs = race(
            {"no alerts": with_lineside(list), f"{len(destinations)} destinations, none answers": alarming},
            rounds=ROUNDS,
            segments=SEGMENTS,
        )
    print(report(f"A step while alerts do not get through ({SEGMENT * SEGMENTS} steps)", pairs))
    print(
        f"  an alert for {len(destinations)} destinations is on the disk in {1e3 * statistics.median(recording):.1f} ms"
    )
    print(f"  the end takes {', '.join(f'{end:.2f}' for end in ends)} s; its deadline is {DEADLINE} s")


if __name__ == "__main__":
    main()

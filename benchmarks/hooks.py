"""What a subscribed inline hook costs beyond the Python call itself: guard and cost profile."""

from __future__ import annotations

import statistics
import tempfile
from time import perf_counter

import lineside

EVENTS = 20_000
HOOKS = 10
ROUNDS = 15


class Hook(lineside.Callback):
    """Looks at every batch and does nothing."""

    def on_batch_end(self, run: lineside.RunView) -> None:
        """Be called."""


def through_lineside(callbacks: list[Hook]) -> float:
    """Return seconds per batch of an empty loop with these callbacks."""
    with tempfile.TemporaryDirectory() as directory, lineside.Run(callbacks=list(callbacks), run_dir=directory) as run:
        batches = run.batches
        for _ in run.epochs(1):
            start = perf_counter()
            for _ in batches(range(EVENTS)):
                pass
            seconds = (perf_counter() - start) / EVENTS
    return seconds


def plain_calls(callbacks: list[Hook]) -> float:
    """Return seconds per batch of a loop that only calls the methods."""
    methods = [callback.on_batch_end for callback in callbacks]
    start = perf_counter()
    for batch in range(EVENTS):
        for method in methods:
            method(batch)  # type: ignore[arg-type] # anything will do
    return (perf_counter() - start) / EVENTS


def main() -> None:
    """Print the cost of the loop itself, of a method call as a measure of the machine, and of a hook."""
    hooks = [Hook(name=f"hook-{i}") for i in range(HOOKS)]
    beyond, loop, call = [], [], []
    for _ in range(ROUNDS):
        empty, full, calls = through_lineside([]), through_lineside(hooks), plain_calls(hooks)
        beyond.append((full - empty - calls) / HOOKS)
        loop.append(empty)
        call.append(calls / HOOKS)
    print(f"  the loop itself, µs a batch                   {1e6 * statistics.median(loop):8.2f}")
    print(f"  a Python method call, µs                          {1e6 * statistics.median(call):8.3f}")
    print(f"  a hook beyond its Python call, µs (to reach: 0.5) {1e6 * statistics.median(beyond):6.3f}")


if __name__ == "__main__":
    main()

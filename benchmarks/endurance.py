"""Whether a long run costs more than a short one: `run.log` at the first steps and after a million of them.

Beside each call stands a fixed piece of work: a machine that gets busier meanwhile slows both, and the ratio tells only
of the run. Run it with `python -m benchmarks.endurance [steps]`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from time import perf_counter_ns

import lineside

WARM_UP = 10_000
WINDOW = 50_000
FIXED_WORK = tuple(float(number * 7 % 16) for number in range(16))


def main(steps: int = 1_000_000) -> None:
    """Print the cost of a call at both ends, and their ratio."""
    logs, works = _times(steps)
    early, late = slice(WARM_UP, WARM_UP + WINDOW), slice(-WINDOW, None)
    relative = {}
    for what, part in (("at first", early), (f"after {steps - WINDOW:,} steps", late)):
        log, work = _quantile(logs[part], 0.5), _quantile(works[part], 0.5)
        relative[what] = log / work
        p99 = _quantile(logs[part], 0.99)
        print(f"  run.log {what:22} median {log:6.2f} µs   p99 {p99:6.2f} µs   fixed work {work:6.2f} µs")
    first, last = relative.values()
    print(f"  ratio, fixed work taken into account: {last / first:.2f}")


def _times(steps: int) -> tuple[list[int], list[int]]:
    """Return the nanoseconds of each call of `run.log` on the training thread, and of the fixed work behind it."""
    logs, works = [], []
    with tempfile.TemporaryDirectory() as directory, lineside.Run(run_dir=directory) as run:
        for _ in run.epochs(1):
            for _ in run.batches(range(steps)):
                start = perf_counter_ns()
                run.log({"train/loss": 0.5})
                logged = perf_counter_ns()
                sorted(FIXED_WORK)
                works.append(perf_counter_ns() - logged)
                logs.append(logged - start)
                run.stepped()
    return logs, works


def _quantile(times: Sequence[int], share: float) -> float:
    """Return a quantile in microseconds."""
    return sorted(times)[int(share * len(times))] / 1e3


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

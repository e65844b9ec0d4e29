"""The terminal: whole processes of `lineside list` and `lineside show`, from their start to their end.

Run it with `python -m benchmarks.terminal [steps]`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lineside.ports import LogRow
from lineside.store import RunDirectory, RunRecord, StoreWriter

RUNS = 1000
METRICS = 10
ROWS_A_COMMIT = 20_000
ROUNDS = 5
SPIKE = 1000.0


def main(steps: int = 1_000_000) -> None:
    """Print the numbers for a run of so many steps."""
    with tempfile.TemporaryDirectory() as scratch:
        runs, long = Path(scratch) / "runs", Path(scratch) / "long"
        _write_runs(runs)
        spikes = _write_long(long, steps)
        _report("--version", "--version")
        _report(f"list, {RUNS} runs", "list", "--run-dir", runs)
        _report(f"list --limit {RUNS}", "list", "--limit", RUNS, "--run-dir", runs)
        _report(f"list --json --limit {RUNS}", "list", "--json", "--limit", RUNS, "--run-dir", runs)
        _report(f"show, {METRICS} metrics x {steps:,} steps", "show", "last", "--run-dir", long)
        _report("show --json of it", "show", "--json", "last", "--run-dir", long)
        shown = json.loads(_call("show", "--json", "last", "--run-dir", long)[2])["metrics"]
        highest = {metric["name"]: (metric["highest"]["step"], metric["highest"]["value"]) for metric in shown}
        found = sum(highest[name] == (step, SPIKE) for name, step in spikes.items())
        print(f"  spikes of one step that are shown: {found} of {len(spikes)}")


def _record(run: RunDirectory, created: float) -> RunRecord:
    packages = {f"package-{index}": "1.2.3" for index in range(30)}
    progress = {"epoch": 3, "total_epochs": 10, "step": 1200, "total_steps": None}
    return RunRecord(
        run.name, run.project, "run", "running", created, created, environment={"packages": packages}, progress=progress
    )


def _write_runs(run_dir: Path) -> None:
    """Write records that say `running` and locks that nobody holds: every one of them has to be looked at."""
    for number in range(RUNS):
        run = RunDirectory.create(run_dir, "project", None, datetime.now(UTC), token=f"{number:04x}")
        run.record_path.write_bytes(_record(run, float(number)).to_bytes())
        (run.path / ".lock").touch()


def _write_long(run_dir: Path, steps: int) -> dict[str, int]:
    """Write a long run with noise, and one spike in each metric; return where the spikes are."""
    run = RunDirectory.create(run_dir, "project", None, datetime.now(UTC))
    run.write_record(_record(run, time.time()))
    names = [f"val/metric-{number}" for number in range(METRICS)]
    draw = random.Random(0)  # noqa: S311
    spikes = {name: draw.randrange(steps) for name in names}
    writer = StoreWriter(run.database, 1, time.time)
    writer.begin_attempt(1, None, time.time())
    for rows in _rows(steps, spikes, draw):
        writer.rows(rows)
        writer.commit()
    writer.close()
    return spikes


def _rows(steps: int, spikes: dict[str, int], draw: random.Random) -> Iterator[list[LogRow]]:
    for start in range(0, steps, ROWS_A_COMMIT):
        rows: list[LogRow] = []
        for step in range(start, min(steps, start + ROWS_A_COMMIT)):
            values = {name: SPIKE if step == spike else 1.0 + 0.1 * draw.random() for name, spike in spikes.items()}
            rows.append((step, step // 1000, 1.7e9 + step * 3e-4, values))
        yield rows


def _call(*arguments: object) -> tuple[float, float, str]:
    """Return the wall time, the CPU time and the output of a process of its own."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "lineside", *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def _report(what: str, *arguments: object) -> None:
    walls, cpus, _ = zip(*(_call(*arguments) for _ in range(ROUNDS)), strict=True)
    print(
        f"  {what:36} median {statistics.median(walls):5.2f} s   best {min(walls):5.2f} s"
        f"   of CPU {statistics.median(cpus):5.2f} s"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

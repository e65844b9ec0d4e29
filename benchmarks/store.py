"""The store: bytes a point, seconds to write and to read back. Run it with `python -m benchmarks.store [rows]`."""

from __future__ import annotations

import math
import random
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lineside.ports import LogRow
from lineside.store import RunDirectory, RunReader, RunRecord, StoreWriter, find_runs

METRICS = 10
ROWS_A_COMMIT = 1000
MAX_POINTS = 1000


def main(rows: int = 1_000_000) -> None:
    """Print the numbers for runs of `rows` steps."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, metrics, single in (("float32", 1, True), ("float64", 1, False), ("float64", METRICS, False)):
            path = Path(scratch) / f"{name}-{metrics}.db"
            size, cpu, wall = _write(path, rows, metrics, single=single)
            print(f"{metrics} × {rows} noisy {name}: {size:.2f} bytes a point, {cpu:.2f} µs CPU a point, {wall:.1f} s")
        _read(path)
        _list(Path(scratch) / "runs")


def _rows(rows: int, metrics: int, *, single: bool) -> Iterator[list[LogRow]]:
    draw = random.Random(0)  # noqa: S311
    names = [f"metric/{number}" for number in range(metrics)]
    now = 1.7e9
    batch: list[LogRow] = []
    for step in range(rows):
        now += 3e-4 + draw.random() * 1e-4
        values = [math.exp(-step / rows) + draw.gauss(0, 0.1) for _ in names]
        if single:
            values = [struct.unpack("f", struct.pack("f", value))[0] for value in values]
        batch.append((step, step // 1000, now, dict(zip(names, values, strict=True))))
        if len(batch) == ROWS_A_COMMIT:
            yield batch
            batch = []
    yield batch


def _write(path: Path, rows: int, metrics: int, *, single: bool) -> tuple[float, float, float]:
    writer = StoreWriter(path, 1, time.time)
    writer.begin_attempt(1, None, time.time())
    cpu = wall = 0.0
    for batch in _rows(rows, metrics, single=single):
        before = time.thread_time(), time.perf_counter()
        writer.rows(batch)
        writer.commit()
        cpu += time.thread_time() - before[0]
        wall += time.perf_counter() - before[1]
    writer.close()
    points = rows * metrics
    return path.stat().st_size / points, cpu / points * 1e6, wall


def _read(path: Path) -> None:
    started = time.perf_counter()
    with RunReader.open(path) as reader:
        names = reader.metric_names()
        lengths = {len(reader.series(name, max_points=MAX_POINTS)) for name in names}
        reduced = time.perf_counter() - started
        latest = time.perf_counter()
        for name in names:
            reader.latest(name)
        latest = time.perf_counter() - latest
        whole = time.perf_counter()
        points = len(reader.series(names[0]))
        whole = time.perf_counter() - whole
    print(f"{len(names)} metrics at max_points={MAX_POINTS} ({max(lengths)} points each): {reduced:.2f} s")
    print(f"latest of {len(names)} metrics: {latest:.3f} s; all {points} points of one: {whole:.2f} s")


def _list(run_dir: Path) -> None:
    for number in range(1000):
        run = RunDirectory.create(run_dir, "project", None, datetime.now(UTC), token=f"{number:04x}")
        packages = {f"package-{index}": "1.2.3" for index in range(30)}
        record = RunRecord(
            id=run.name,
            project="project",
            name="run",
            status="running",
            created=float(number),
            updated=float(number),
            environment={"packages": packages},
        )
        run.record_path.write_bytes(record.to_bytes())
    started = time.perf_counter()
    runs = [(run.read_record(), run.status()) for run in find_runs(run_dir)]
    print(f"list of {len(runs)} runs with records and states: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

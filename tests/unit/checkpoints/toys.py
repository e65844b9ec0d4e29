"""Small checkpoints for tests, made without any tensor library."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lineside.checkpoints.format import Contents, Manifest, MetricRecord, PartWriter
from lineside.checkpoints.writer import CheckpointStore

RUN = "run-20261121-0000"


def tensors(seed: int, values: int = 16) -> bytes:
    """Return a valid safetensors file of one vector of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [values], "data_offsets": [0, values]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes((seed + i) % 256 for i in range(values))


def writes(data: bytes) -> PartWriter:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def contents(seed: int = 0, **state: Any) -> Contents:
    return Contents(
        files={
            "model.safetensors": writes(tensors(seed)),
            "callbacks/Mean.safetensors": writes(tensors(seed + 1)),
        },
        documents={"state.json": {"seed": seed, **state}, "rank-0/state.json": {"rank": 0}},
    )


def save(store: CheckpointStore, step: int, **options: Any) -> str:
    """Save the toy of that step (ten steps make an epoch) and return its name."""
    loss = options.pop("loss", None)
    if loss is not None:
        options["metrics"] = {"val/loss": MetricRecord(loss, step, step // 10)}
    return store.save(contents(step), step=step, epoch=step // 10, **options).name


def manifest(step: int, *, epoch: int = 0, created: float = 0.0, **values: float) -> Manifest:
    """Return a manifest for policies to look at; `created` is in seconds since 1970, `values` are fresh metrics."""
    stamp = datetime.fromtimestamp(created, UTC).isoformat(timespec="microseconds")
    records = {name: MetricRecord(value, step, epoch) for name, value in values.items()}
    return Manifest(f"epoch{epoch + 1:04d}-step{step:08d}-0000", RUN, step, epoch, stamp, metrics=records)


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below `root` by relative name."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}

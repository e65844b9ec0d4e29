"""What trackers wrote to disk without a server."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests.architecture.repository import ROOT

_BLOCK, _FILE_HEADER, _HEADER = 32768, 7, 7
_WHOLE, _LAST = 1, 4


def wandb_history(file: Path, name: str) -> list[Any]:
    """Return the values of a metric in an offline run of W&B, in order."""
    from wandb.proto.wandb_internal_pb2 import Record

    values = []
    for data in _records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        values += [json.loads(one.value_json) for one in record.history.item if name in (one.key, *one.nested_key)]
    return values


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a log in the format of LevelDB: blocks of 32 KiB, in which records may be cut in pieces."""
    place, record = _FILE_HEADER, b""
    while place + _HEADER <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + _HEADER])
        record += content[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (_WHOLE, _LAST):
            yield record
            record = b""


def comet_metric(archive: Path, name: str) -> list[float]:
    """Return the different values of a metric in an offline experiment of Comet, in order.

    Comet takes what goes to TensorBoard as well, so that values stand there twice.
    """
    with ZipFile(archive) as opened:
        messages = [json.loads(line) for line in opened.read("messages.json").splitlines()]
    metrics = [one["payload"]["metric"] for one in messages if one["type"] == "metric_msg"]
    return list(dict.fromkeys(float(one["metricValue"]) for one in metrics if one["metricName"] == name))


def train_offline(module: str, place: Path) -> None:
    """Train in a process of its own, with trackers that write to disk: they do so at its end, and once a process."""
    trackers = {"WANDB_MODE": "offline", "WANDB_DIR": place, "WANDB_SILENT": "true", "COMET_START_ONLINE": "0"}
    places = {"COMET_OFFLINE_DIRECTORY": place / "comet", "TENSORBOARD_LOGGING_DIR": place / "tensorboard"}
    environment = {**os.environ, **{name: str(value) for name, value in {**trackers, **places}.items()}}
    command = [sys.executable, "-W", "ignore", "-m", module, str(place)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert ended.returncode == 0, ended.stderr


def scalars(place: Path, name: str) -> list[tuple[int, float]]:
    """Return the steps and values of a metric in the event files of a directory."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(place))
    events.Reload()
    return [(one.step, one.value) for one in events.Scalars(name)]

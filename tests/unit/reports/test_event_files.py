from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lineside.reports.event_files import encode
from lineside.reports.event_parts import packed, set_aside, waiting


def losses(path: Path) -> list[tuple[int, float]]:
    shown = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
    return [(point.step, point.value) for point in shown.Scalars("loss")]


def put(directory: Path, number: int, loss: float) -> None:
    set_aside(directory, f"{number:06d}", {"series": packed([(number, 0, 1.0, {"loss": loss})])})


def test_parts_are_encoded_in_order_and_go(tmp_path: Path) -> None:
    parts, file = tmp_path / "parts", tmp_path / "board" / "events.tfevents"
    for number in (3, 1, 2):
        put(parts, number, number / 2)
    encode(directory=str(parts), path=str(file))
    assert waiting(parts) == []
    put(parts, 4, 2.0)
    encode(directory=str(parts), path=str(file), last=True)
    assert losses(file) == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]
    assert not parts.exists()


def test_nothing_to_encode(tmp_path: Path) -> None:
    encode(directory=str(tmp_path / "parts"), path=str(tmp_path / "events.tfevents"), last=True)
    assert not (tmp_path / "events.tfevents").exists()


@pytest.mark.parametrize("damage", [{"media": [["image", "x", 1, 1.0, "bm8gcG5n"]]}, {"series": [[["a"], "AAAA"]]}])
def test_a_part_that_cannot_be_encoded_is_reported_and_does_not_block_the_others(damage: dict, tmp_path: Path) -> None:
    parts, file = tmp_path / "parts", tmp_path / "events.tfevents"
    set_aside(parts, "000001", damage)
    put(parts, 2, 0.5)
    with pytest.raises((struct.error, ValueError), match=r"bytes"):
        encode(directory=str(parts), path=str(file))
    encode(directory=str(parts), path=str(file))
    assert losses(file) == [(2, 0.5)]


def test_a_part_that_is_still_being_written_waits(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "000001.tmp").write_text('{"ser')
    encode(directory=str(parts), path=str(tmp_path / "events.tfevents"))
    assert (parts / "000001.tmp").exists()


def test_neither_torch_nor_tensorflow_is_imported(tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise RuntimeError('TensorFlow was imported')")
    (tmp_path / "torch.py").write_text("raise RuntimeError('torch was imported')")
    begin = {"at": 1.0, "purge_from": 7, "hparams": {"lr": 1}, "group": "g"}
    set_aside(tmp_path / "parts", "1", {"begin": begin, "media": [["text", "t", 1, 1.0, "x"]]})
    put(tmp_path / "parts", 2, 0.5)
    script = "from lineside.reports.event_files import encode; encode(directory='parts', path='events.tfevents')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert losses(tmp_path / "events.tfevents") == [(2, 0.5)]

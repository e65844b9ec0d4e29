from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from lineside.store.run_record import NewerFormat, RunRecord


def record(**changes: object) -> RunRecord:
    return RunRecord(
        **{"id": "run-1", "project": "p", "name": "run", "status": "running", "created": 1.5, "updated": 2.0} | changes
    )


def test_a_record_comes_back() -> None:
    full = record(
        attempt=2,
        host="machine",
        pid=4711,
        environment={"packages": {"torch": "2.13"}},
        git={"commit": "abc", "dirty": None},
        seed=0,
        hparams={"lr": 0.1, "names": ["a"]},
        reason="早停",
        parent="other/best",
        progress={"epoch": 3, "total_steps": None},
    )
    assert RunRecord.from_bytes(full.to_bytes()) == full


def test_hyper_parameters_of_any_kind_can_be_written() -> None:
    odd = record(hparams={"path": Path("x"), "lock": threading.Lock(), 3: (1, 2)})
    back = RunRecord.from_bytes(odd.to_bytes()).hparams
    assert back["path"] == "x"
    assert back["3"] == [1, 2]
    assert "lock" in back["lock"]


def test_a_person_can_read_it() -> None:
    assert '"reason": "早停"' in record(reason="早停").to_bytes().decode()


def test_fields_of_a_later_version_are_passed_over() -> None:
    document = json.loads(record().to_bytes()) | {"mood": "fine"}
    assert RunRecord.from_bytes(json.dumps(document).encode()) == record()


def test_a_newer_format_is_told() -> None:
    with pytest.raises(NewerFormat) as caught:
        RunRecord.from_bytes(b'{"format": 99}')
    assert caught.value.version == 99


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "flying"}, "status is 'flying'"),
        ({"attempt": True}, "'attempt'"),
        ({"hparams": []}, "'hparams'"),
        ({"created": "today"}, "'created'"),
        ({"format": "1"}, "no run's record"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], message: str) -> None:
    document = json.loads(record().to_bytes()) | changes
    with pytest.raises(ValueError, match=message):
        RunRecord.from_bytes(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        RunRecord.from_bytes(data)

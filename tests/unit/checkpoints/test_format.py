from __future__ import annotations

import math
from typing import Any

import pytest

from lineside.checkpoints.documents import decode, encode
from lineside.checkpoints.format import (
    Contents,
    FileRecord,
    Manifest,
    MetricRecord,
    check_name,
    directory_name,
    is_trusted_only,
    step_of,
)
from lineside.errors import CheckpointContentsError
from tests.unit.checkpoints.toys import writes

DIGEST = "xxh3_128:" + "0" * 32
FULL = Manifest(
    name="epoch0003-step00000300-00ff",
    run_id="run",
    step=300,
    epoch=2,
    created="2026-11-21T18:19:00.000000+00:00",
    tags=("best", "manual"),
    metrics={"val/loss": MetricRecord(0.0, 300, 2), "train/loss": MetricRecord(math.inf, 299, 2)},
    weights="ema",
    parent="epoch0002-step00000200-00ff",
    pins={"EarlyStopping": "epoch0003-step00000300-00ff"},
    files={"model.safetensors": FileRecord(9, DIGEST), "native.pt": FileRecord(1, DIGEST, trusted_only=True)},
    standalone={"../models/best.pt": FileRecord(3, DIGEST)},
    software={"python": "3.11"},
)


def test_a_manifest_comes_back_whole() -> None:
    assert Manifest.from_json(decode(encode(FULL.to_json(), "manifest.json"))) == FULL


@pytest.mark.parametrize("key", sorted(FULL.to_json()))
def test_a_missing_key_is_named(key: str) -> None:
    data = decode(encode(FULL.to_json(), "manifest.json"))
    del data[key]
    with pytest.raises(ValueError, match=f"no '{key}'"):
        Manifest.from_json(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "unknown key 'extra'"),
        ({"step": "3"}, "'step' is '3'"),
        ({"step": -3}, "'step' is negative"),
        ({"name": "../elsewhere"}, "no name of a checkpoint"),
        ({"created": "yesterday"}, "Invalid isoformat"),
        ({"created": "2026-11-21T18:19:00"}, "not written as UTC"),
        ({"created": "2026-11-21T18:19:00.000000+02:00"}, "not written as UTC"),
        ({"tags": [1]}, "'tags' holds 1"),
        ({"metrics": {"a": 1.0}}, "metric 'a' is no object"),
        ({"metrics": {"a": {"value": 1, "step": 1, "epoch": 0}}}, "'value' is 1, not a float"),
        ({"files": {"../x": {"size": 1, "digest": DIGEST, "trusted_only": False}}}, "cannot name a file"),
        ({"files": {"x": {"size": 1, "digest": "md5:0", "trusted_only": False}}}, "unknown digest"),
        ({"files": {"x": {"size": 1, "digest": DIGEST}}}, "no 'trusted_only'"),
        ({"files": {"manifest.json": {"size": 1, "digest": DIGEST, "trusted_only": False}}}, "itself"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named(change: dict[str, Any], message: str) -> None:
    data = decode(encode(FULL.to_json(), "manifest.json")) | change
    with pytest.raises(ValueError, match=message):
        Manifest.from_json(data)


@pytest.mark.parametrize("name", ["model.safetensors", "callbacks/EMA.safetensors", "rank-0/state.json", "a b/ü.json"])
def test_plain_relative_names_are_accepted(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../x", "a/../x", "a//x", "./x", "a/", ".hidden", "a/.hidden"),
        *("c:x", "a\\x", "a\0x", "a\nx", "x" * 256),
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a file of a checkpoint"):
        check_name(name)


def test_contents_are_checked_when_they_are_made() -> None:
    with pytest.raises(CheckpointContentsError, match=r"'\.\./x'"):
        Contents({"../x": writes(b"")}, {})
    with pytest.raises(CheckpointContentsError, match=r"would be called 'state\.json'"):
        Contents({"state.json": writes(b"")}, {"state.json": {}})
    with pytest.raises(CheckpointContentsError, match=r"would be called 'MODEL\.pt'"):
        Contents({"model.pt": writes(b""), "MODEL.pt": writes(b"")}, {})
    with pytest.raises(CheckpointContentsError, match=r"would be called 'manifest\.json'"):
        Contents({}, {"manifest.json": {}})
    with pytest.raises(CheckpointContentsError, match=r"'state' is written as JSON"):
        Contents({}, {"state": {}})
    with pytest.raises(CheckpointContentsError, match=r"names 'x\.pt', which is not among"):
        Contents({}, {}, frozenset({"x.pt"}))


def test_directories_sort_by_step_and_count_epochs_from_one() -> None:
    assert directory_name(step=300, epoch=2, suffix="00ff") == "epoch0003-step00000300-00ff"
    assert step_of("epoch0003-step00000300-00ff") == 300
    assert step_of(directory_name(step=10**9, epoch=99_999, suffix="00ff")) == 10**9
    for other in ("best", ".staging-epoch0003-step00000300-00ff", "epoch0003-step00000300", "index.json"):
        assert step_of(other) is None


def test_what_can_run_code_is_known_by_its_suffix_too() -> None:
    assert not is_trusted_only("model.safetensors", declared=False)
    assert is_trusted_only("model.safetensors", declared=True)
    for name in ("model.pt", "model.pkl", "model.keras", "model"):
        assert is_trusted_only(name, declared=False)

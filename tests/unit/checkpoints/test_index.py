from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from lineside.checkpoints.format import FileRecord
from lineside.checkpoints.index import best_of, last_of, read_index, resumable_of, write_index
from tests.unit.checkpoints.toys import manifest

ENTRIES = [replace(manifest(1, loss=0.5), tags=("best",)), manifest(2, loss=float("nan"))]


def test_it_names_best_and_last_for_people_and_other_programs(tmp_path: Path) -> None:
    write_index(tmp_path, "run", ENTRIES, {"EarlyStopping": ENTRIES[0].name})
    data = json.loads((tmp_path / "index.json").read_bytes())
    assert (data["best"], data["last"]) == (ENTRIES[0].name, ENTRIES[1].name)
    assert [row["step"] for row in data["entries"]] == [1, 2]


def test_it_comes_back(tmp_path: Path) -> None:
    write_index(tmp_path, "run", ENTRIES, {"EarlyStopping": ENTRIES[0].name})
    index = read_index(tmp_path)
    assert index is not None
    assert index.run_id == "run"
    assert index.names == {entry.name for entry in ENTRIES}
    assert index.pins == {"EarlyStopping": ENTRIES[0].name}


def test_best_and_last_are_independent() -> None:
    assert best_of(ENTRIES) is ENTRIES[0]
    assert last_of(ENTRIES) is ENTRIES[1]
    assert best_of(ENTRIES[1:]) is None
    assert last_of([]) is None
    newer = replace(manifest(3), tags=("best",))
    assert best_of([*ENTRIES, newer]) is newer


def test_only_one_with_the_state_of_the_run_can_be_resumed_from() -> None:
    state = replace(manifest(1), files={"state.json": FileRecord(2, "xxh3_128:" + "0" * 32)})
    assert resumable_of([state, manifest(2)]) is state
    assert resumable_of([manifest(2)]) is None


def test_a_missing_or_damaged_index_is_none(tmp_path: Path) -> None:
    assert read_index(tmp_path) is None
    write_index(tmp_path, "run", ENTRIES, {})
    path = tmp_path / "index.json"
    whole = path.read_bytes()
    for position in range(0, len(whole) * 8, 7):
        changed = bytearray(whole)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        assert read_index(tmp_path) is None
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert read_index(tmp_path) is None

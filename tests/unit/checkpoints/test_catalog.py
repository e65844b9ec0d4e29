from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.documents import seal, unseal
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointDamaged, CheckpointNotFound, CheckpointTooNew, CheckpointUntrusted
from lineside.testing.clock import FakeClock
from tests.unit.checkpoints.toys import RUN, contents, save


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def keep_all(entries: object) -> set[str]:
    return {entry.name for entry in entries}  # type: ignore[attr-defined]


@pytest.fixture
def names(store: CheckpointStore) -> list[str]:
    """Three checkpoints: steps 10 (best), 20 (pinned, tagged), 30."""
    store.set_retention([keep_all])
    return [save(store, 10, tags=["best"]), save(store, 20, tags=["manual"], pins=["EarlyStopping"]), save(store, 30)]


def test_a_reader_sees_what_the_writer_committed(store: CheckpointStore, names: list[str]) -> None:
    catalog = Catalog(store.root, RUN)
    assert catalog.entries == store.entries
    assert [entry.name for entry in catalog.entries] == names
    assert catalog.pins == {"EarlyStopping": names[1]}


def test_best_and_last_are_independent(store: CheckpointStore, names: list[str]) -> None:
    assert store.best is not None
    assert store.last is not None
    assert (store.best.name, store.last.name) == (names[0], names[2])


@pytest.mark.parametrize(("key", "which"), [("best", 0), ("last", 2), ("manual", 1), ("EarlyStopping", 1)])
def test_it_is_found_by_best_last_tag_and_owner_of_a_pin(
    store: CheckpointStore, names: list[str], key: str, which: int
) -> None:
    assert store.find(key).name == names[which]
    assert store.find(names[which]).name == names[which]


def test_what_is_not_there_is_answered_with_what_is(store: CheckpointStore) -> None:
    with pytest.raises(CheckpointNotFound, match="There is: none yet"):
        store.find("best")
    name = save(store, 1, tags=["manual"])
    with pytest.raises(CheckpointNotFound, match=f"no checkpoint 'best'. There is: {name}, best, last, manual"):
        store.find("best")


def test_a_reader_hands_out_no_pickles_unless_told(store: CheckpointStore) -> None:
    whole = contents()
    name = store.save(
        type(whole)({"native.pt": lambda path: path.write_bytes(b"x") and None}, whole.documents), step=1, epoch=0
    ).name
    with pytest.raises(CheckpointUntrusted):
        Catalog(store.root, RUN).find(name).file("native.pt")
    assert Catalog(store.root, RUN, trust=True).find(name).file("native.pt").exists()


def test_of_one_step_the_later_is_the_newest_even_if_the_clock_stands_still(store: CheckpointStore) -> None:
    store.set_retention([keep_all])
    names = [save(store, 10) for _ in range(5)]
    assert [entry.name for entry in store.entries] == names
    assert [entry.name for entry in Catalog(store.root, RUN).entries] == names


def test_the_newest_sound_is_the_last(store: CheckpointStore, names: list[str]) -> None:
    found = store.newest_sound()
    assert found is not None
    assert found.name == names[2]


@pytest.mark.parametrize("file", ["model.safetensors", "state.json", "manifest.json"])
def test_a_damaged_one_is_named_and_passed_over(
    tmp_path: Path, clock: FakeClock, store: CheckpointStore, names: list[str], file: str
) -> None:
    damage(store.root / names[2] / file)
    told: list[CheckpointDamaged] = []
    reopened = CheckpointStore(store.root, RUN, clock=clock.time)
    found = reopened.newest_sound(on_damage=told.append)
    assert found is not None
    assert found.name == names[1]
    assert [(Path(error.checkpoint).name, error.file) for error in told] == [(names[2], file)]


def test_if_all_are_damaged_there_is_none(store: CheckpointStore, names: list[str]) -> None:
    told: list[CheckpointDamaged] = []
    for name in names:
        damage(store.root / name / "state.json")
    assert store.newest_sound(on_damage=told.append) is None
    assert [Path(error.checkpoint).name for error in told] == names[::-1]


def test_before_a_step_means_strictly_before(store: CheckpointStore, names: list[str]) -> None:
    found = store.newest_sound(before_step=30)
    assert found is not None
    assert found.name == names[1]
    assert store.newest_sound(before_step=10) is None


def test_one_without_the_state_of_a_run_cannot_be_resumed_from(store: CheckpointStore, names: list[str]) -> None:
    weights = type(contents())({}, {"weights.json": {}})
    store.save(weights, step=40, epoch=4)
    found = store.newest_sound(containing=["state.json"])
    assert found is not None
    assert found.name == names[2]


def test_a_newer_format_is_not_passed_over_in_silence(store: CheckpointStore, names: list[str]) -> None:
    path = store.root / names[2] / "manifest.json"
    path.write_bytes(seal(unseal(path.read_bytes()) | {"format": 99}, "manifest.json"))
    catalog = Catalog(store.root, RUN)
    assert [entry.name for entry in catalog.entries] == names[:2]
    with pytest.raises(CheckpointTooNew, match="format 99"):
        catalog.newest_sound()


def test_a_copy_under_another_name_is_no_second_checkpoint(store: CheckpointStore, names: list[str]) -> None:
    shutil.copytree(store.root / names[0], store.root / "epoch0009-step00000090-aaaa")
    told: list[CheckpointDamaged] = []
    catalog = Catalog(store.root, RUN)
    assert [entry.name for entry in catalog.entries] == names
    catalog.newest_sound(on_damage=told.append)
    assert "belongs to" in told[0].how


def test_what_else_lies_there_is_left_alone(store: CheckpointStore, names: list[str], tmp_path: Path) -> None:
    (store.root / "notes.txt").touch()
    (store.root / "mine").mkdir()
    (store.root / "epoch0009-step00000090-aaaa").symlink_to(store.root / names[0])
    (store.root / "epoch0009-step00000090-bbbb").touch()
    assert [entry.name for entry in Catalog(store.root, RUN).entries] == names


def test_a_run_that_never_saved_has_none(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "missing", RUN)
    assert catalog.entries == ()
    assert catalog.best is catalog.last is catalog.newest_sound() is None

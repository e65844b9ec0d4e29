from __future__ import annotations

import errno
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from lineside.checkpoints import staging, standalone
from lineside.checkpoints import writer as writer_module
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.format import Contents
from lineside.checkpoints.retention import EveryNthEpoch, KeepBest, KeepLast
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import (
    CheckpointFailed,
    CheckpointNotFound,
    StandaloneNotOwned,
)
from tests.unit.checkpoints.toys import RUN, save, tensors, tree, writes


def steps(store: CheckpointStore) -> list[int]:
    """Return the steps that the store lists, after making sure that the disk holds the same."""
    on_disk = sorted(path.name for path in store.root.iterdir() if path.is_dir())
    assert on_disk == sorted(entry.name for entry in store.entries)
    return [entry.step for entry in store.entries]


def reopened(store: CheckpointStore) -> CheckpointStore:
    return CheckpointStore(store.root, RUN, clock=store._clock)


class TestRetention:
    def test_without_policies_best_and_last_stay(self, store: CheckpointStore) -> None:
        save(store, 10, tags=["best"])
        save(store, 20)
        save(store, 30)
        assert steps(store) == [10, 30]

    def test_a_new_best_frees_the_old(self, store: CheckpointStore) -> None:
        save(store, 10, tags=["best"])
        save(store, 20)
        save(store, 30, tags=["best"])
        assert steps(store) == [30]

    def test_one_to_resume_from_stays_when_only_weights_follow(self, store: CheckpointStore) -> None:
        weights = Contents({"model.safetensors": writes(tensors(0))}, {})
        save(store, 10)
        save(store, 20)
        for step in (30, 40):
            store.save(weights, step=step, epoch=3)
        assert steps(store) == [20, 40]
        assert [entry.resumable for entry in store.entries] == [True, False]
        save(store, 50)
        assert steps(store) == [50]

    def test_policies_do_not_interfere(self, store: CheckpointStore) -> None:
        store.set_retention([KeepBest(2, "min", "val/loss"), KeepLast(2), EveryNthEpoch(3)])
        for step, loss in [(10, 0.5), (20, 0.1), (30, math.nan), (40, 0.2), (50, 0.9), (60, 0.8), (70, 0.7)]:
            save(store, step, loss=loss)
        assert steps(store) == [20, 40, 50, 60, 70]  # epochs 3 and 6 end below steps 30 and 60

    def test_prune_tells_what_it_deleted(self, store: CheckpointStore) -> None:
        store.set_retention([KeepLast(3)])
        names = [save(store, step) for step in (10, 20, 30)]
        store.set_retention([KeepLast(1)])
        assert steps(store) == [10, 20, 30]
        assert store.prune() == (names[0], names[1])
        assert steps(store) == [30]
        assert store.prune() == ()

    def test_nothing_older_is_deleted_before_the_new_one_is_in_place(
        self, store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(store, 10)
        there: list[list[str]] = []
        real = staging.throw_away

        def spy(root: Path, names: Sequence[str]) -> None:
            there.append(sorted(path.name[:22] for path in root.iterdir() if path.is_dir()))
            real(root, names)

        monkeypatch.setattr(staging, "throw_away", spy)
        save(store, 20)
        assert there == [["epoch0002-step00000010", "epoch0003-step00000020"]]

    def test_what_was_deleted_by_hand_does_no_harm(self, store: CheckpointStore) -> None:
        first = save(store, 10)
        staging.throw_away(store.root, [first])
        save(store, 20)
        assert steps(store) == [20]


class TestPins:
    def test_a_pin_keeps_until_the_owner_pins_another(self, store: CheckpointStore) -> None:
        save(store, 10, pins=["EarlyStopping"])
        save(store, 20)
        save(store, 30)
        assert steps(store) == [10, 30]
        save(store, 40, pins=["EarlyStopping"])
        assert steps(store) == [40]

    def test_several_owners_pin_with_one_commit(self, store: CheckpointStore) -> None:
        first = save(store, 10, pins=["a", "b"])
        second = save(store, 20, pins=["b"])
        assert store.pins == reopened(store).pins == {"a": first, "b": second}

    def test_owners_do_not_interfere(self, store: CheckpointStore) -> None:
        store.set_retention([KeepLast(9)])
        first, second = save(store, 10), save(store, 20)
        save(store, 30)
        store.pin("a", first)
        store.pin("b", first)
        store.pin("a", second)
        store.set_retention([])
        store.prune()
        assert steps(store) == [10, 20, 30]
        store.unpin("b")
        store.unpin("nobody")
        store.prune()
        assert steps(store) == [20, 30]

    def test_a_pin_survives_a_new_attempt(self, store: CheckpointStore) -> None:
        first = save(store, 10)
        store.pin("EarlyStopping", first)
        later = reopened(store)
        save(later, 20)
        assert steps(later) == [10, 20]
        assert later.find("EarlyStopping").name == first

    def test_what_is_not_there_cannot_be_pinned(self, store: CheckpointStore) -> None:
        with pytest.raises(CheckpointNotFound, match="EarlyStopping cannot pin 'epoch9'"):
            store.pin("EarlyStopping", "epoch9")

    @pytest.mark.parametrize("damage", ["missing", "damaged", "older than the last commit"])
    def test_a_lost_index_costs_no_pin(self, store: CheckpointStore, damage: str) -> None:
        path = store.root / "index.json"
        first = save(store, 10, pins=["a"])
        old = path.read_bytes()
        second = save(store, 20, pins=["b"])
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(b"{" if damage == "damaged" else old)
        assert reopened(store).pins == {"a": first, "b": second}


class TestProtection:
    def test_what_a_run_was_resumed_from_stays(self, store: CheckpointStore) -> None:
        first = save(store, 10)
        later = reopened(store)
        later.protect(first)
        save(later, 20)
        save(later, 30)
        assert steps(later) == [10, 30]
        later.unprotect(first)
        later.unprotect("never protected")
        later.prune()
        assert steps(later) == [30]

    def test_a_parent_is_protected(self, store: CheckpointStore) -> None:
        first = save(store, 10)
        later = reopened(store)
        save(later, 20, parent=first)
        save(later, 30, parent=first)
        assert steps(later) == [10, 30]

    def test_checkpoints_of_another_run_are_never_touched(self, store: CheckpointStore, tmp_path: Path) -> None:
        other = CheckpointStore(tmp_path / "other", "other-run")
        name = save(other, 5, tags=["best"])
        (other.root / name).rename(store.root / name)
        later = reopened(store)
        save(later, 10)
        save(later, 20)
        later.sweep()
        later.rebuild()
        assert [entry.step for entry in later.entries] == [20]
        assert later.best is None
        Checkpoint.open(store.root / name).verify()


class TestRecovery:
    def test_the_index_is_rebuilt_from_the_manifests(self, store: CheckpointStore) -> None:
        save(store, 10, tags=["best"], pins=["EarlyStopping"])
        save(store, 20)
        path = store.root / "index.json"
        whole = path.read_bytes()
        path.write_bytes(b"damaged")
        store.rebuild()
        assert path.read_bytes() == whole

    def test_a_commit_that_the_index_does_not_know_is_taken_up(self, store: CheckpointStore) -> None:
        old = (store.root / "index.json").read_bytes()
        save(store, 10)
        (store.root / "index.json").write_bytes(old)
        assert steps(reopened(store)) == [10]

    def test_leftovers_are_ignored_and_swept(self, store: CheckpointStore) -> None:
        name = save(store, 10)
        before = tree(store.root)
        for prefix in (".staging-", ".trash-"):
            (store.root / f"{prefix}epoch0002-step00000020-0000").mkdir()
            (store.root / f"{prefix}epoch0002-step00000020-0000" / "half").touch()
        (store.root / ".index.json.17-00ff00ff.tmp").touch()
        later = reopened(store)
        assert later.last is not None
        assert later.last.name == name
        later.sweep()
        assert tree(store.root) == before


class TestStandalone:
    def test_it_is_committed_and_pruned_with_its_checkpoint(self, store: CheckpointStore, tmp_path: Path) -> None:
        for step in (10, 20):
            save(store, step, standalone={tmp_path / "models" / f"{step}.pt": writes(b"%d" % step)})
        assert tree(tmp_path / "models") == {"20.pt": b"20"}
        assert store.entries[0].standalone["../models/20.pt"].size == 2

    def test_one_path_always_holds_the_newest(self, store: CheckpointStore, tmp_path: Path) -> None:
        best = tmp_path / "best.pt"
        for step in (10, 20, 30):
            save(store, step, standalone={best: writes(b"%d" % step)})
            assert best.read_bytes() == b"%d" % step
        later = reopened(store)
        save(later, 40, standalone={best: writes(b"40")})
        assert best.read_bytes() == b"40"

    def test_a_foreign_file_is_refused_before_anything_is_written(self, store: CheckpointStore, tmp_path: Path) -> None:
        (tmp_path / "best.pt").write_bytes(b"precious")
        before = tree(tmp_path)
        with pytest.raises(StandaloneNotOwned):
            save(store, 10, standalone={tmp_path / "best.pt": writes(b"new")})
        assert tree(tmp_path) == before

    def test_one_that_cannot_be_written_takes_the_checkpoint_with_it(
        self, store: CheckpointStore, tmp_path: Path
    ) -> None:
        save(store, 10, standalone={tmp_path / "best.pt": writes(b"10")})
        before = tree(tmp_path)

        def fail(path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(CheckpointFailed, match="No space"):
            save(store, 20, standalone={tmp_path / "best.pt": fail})
        assert tree(tmp_path) == before

    def test_one_that_cannot_be_put_in_place_leaves_the_checkpoint_and_the_old_file(
        self, store: CheckpointStore, tmp_path: Path
    ) -> None:
        save(store, 10, standalone={tmp_path / "best.pt": writes(b"10")})

        def sabotage(path: Path) -> None:
            path.write_bytes(b"20")
            (tmp_path / "best.pt").unlink()
            (tmp_path / "best.pt").mkdir()

        with pytest.raises(CheckpointFailed, match="is committed, but what follows"):
            save(store, 20, standalone={tmp_path / "best.pt": sabotage})
        assert steps(store) == [10, 20]
        later = reopened(store)
        assert steps(later) == [10, 20]
        later.sweep()  # a directory is not ours to replace
        assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "checkpoints"]

    def test_one_that_could_not_be_put_in_place_is_by_the_next_attempt(
        self, store: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Path, target: Path) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(standalone, "_put_in_place", fail)
            with pytest.raises(CheckpointFailed, match="is committed, but what follows"):
                save(store, 20, standalone={tmp_path / "best.pt": writes(b"20")})
        reopened(store).sweep()
        assert (tmp_path / "best.pt").read_bytes() == b"20"

    def test_what_a_kill_cut_off_is_finished_by_the_next_attempt(
        self, store: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(self: object) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(writer_module.StandaloneFiles, "publish", killed)
            with pytest.raises(SystemExit):
                save(store, 10, standalone={tmp_path / "best.pt": writes(b"10")})
        later = reopened(store)
        later.sweep()
        assert (tmp_path / "best.pt").read_bytes() == b"10"
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

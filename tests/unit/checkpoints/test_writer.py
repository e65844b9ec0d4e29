from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from lineside.checkpoints import staging
from lineside.checkpoints import writer as writer_module
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.format import Contents, Manifest, MetricRecord
from lineside.checkpoints.retention import KeepLast
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import (
    CheckpointContentsError,
    CheckpointError,
    CheckpointFailed,
)
from lineside.testing.clock import FakeClock
from tests.unit.checkpoints.toys import RUN, contents, save, tensors, tree


def steps(store: CheckpointStore) -> list[int]:
    """Return the steps that the store lists, after making sure that the disk holds the same."""
    on_disk = sorted(path.name for path in store.root.iterdir() if path.is_dir())
    assert on_disk == sorted(entry.name for entry in store.entries)
    return [entry.step for entry in store.entries]


def reopened(store: CheckpointStore) -> CheckpointStore:
    return CheckpointStore(store.root, RUN, clock=store._clock)


class TestSave:
    def test_the_directory_has_the_described_layout(self, store: CheckpointStore) -> None:
        checkpoint = store.save(contents(3), step=300, epoch=2, tags=["best"])
        assert re.fullmatch(r"epoch0003-step00000300-[0-9a-f]{4}", checkpoint.name)
        assert set(tree(store.root)) == {
            "index.json",
            *(
                f"{checkpoint.name}/{name}"
                for name in (
                    "manifest.json",
                    "model.safetensors",
                    "callbacks/Mean.safetensors",
                    "state.json",
                    "rank-0/state.json",
                )
            ),
        }

    def test_the_manifest_says_everything(self, tmp_path: Path, clock: FakeClock) -> None:
        store = CheckpointStore(tmp_path / "c", RUN, clock=clock.time, software={"lineside": "1.2"})
        manifest = store.save(
            contents(),
            step=7,
            epoch=1,
            tags=["best", "manual"],
            metrics={"val/loss": MetricRecord(0, 7, 1)},
            weights="ema",
            pins=["EarlyStopping"],
            parent="epoch0001-step00000003-abcd",
        ).manifest
        assert (manifest.run_id, manifest.step, manifest.epoch, manifest.weights) == (RUN, 7, 1, "ema")
        assert manifest.created == "2023-11-14T22:13:20.000000+00:00"
        assert manifest.tags == ("best", "manual")
        assert manifest.metrics == {"val/loss": MetricRecord(0.0, 7, 1)}
        assert manifest.parent == "epoch0001-step00000003-abcd"
        assert manifest.pins == {"EarlyStopping": manifest.name}
        assert manifest.software["lineside"] == "1.2"
        assert set(manifest.software) == {"lineside", "python"}
        assert reopened(store).entries == (manifest,)

    def test_the_checkpoint_that_comes_back_is_whole(self, store: CheckpointStore) -> None:
        checkpoint = store.save(contents(5, loss=math.nan), step=1, epoch=0)
        checkpoint.verify()
        assert math.isnan(checkpoint.document("state.json")["loss"])
        assert checkpoint.file("model.safetensors").read_bytes() == tensors(5)

    def test_plain_data_is_checked_before_anything_is_written(self, store: CheckpointStore) -> None:
        before = tree(store.root)
        with pytest.raises(CheckpointContentsError, match=r"state\.json\['callbacks'\]\['EMA'\] is a builtins\.object"):
            store.save(contents(callbacks={"EMA": object()}), step=1, epoch=0)
        assert tree(store.root) == before

    def test_the_default_clock_is_utc(self, tmp_path: Path) -> None:
        created = CheckpointStore(tmp_path / "c", RUN).save(contents(), step=1, epoch=0).manifest.created
        assert created.endswith("+00:00")

    def test_two_saves_at_one_step_are_two_checkpoints(self, store: CheckpointStore) -> None:
        store.set_retention([KeepLast(9)])
        assert save(store, 10) != save(store, 10)
        assert steps(store) == [10, 10]

    def test_a_clock_that_is_set_back_makes_no_later_checkpoint_the_older(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        times = iter([100.0, 50.0])
        store = CheckpointStore(tmp_path / "c", RUN, clock=lambda: next(times))
        save(store, 10)
        second = save(store, 10)
        assert store.last is not None
        assert store.last.name == second

    def test_saves_from_several_threads_do_not_mix(self, store: CheckpointStore) -> None:
        store.set_retention([KeepLast(9)])
        threads = [threading.Thread(target=save, args=(store, step)) for step in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert steps(store) == [1, 2, 3, 4, 5]
        for entry in reopened(store).entries:
            checkpoint = Checkpoint.open(store.root / entry.name)
            checkpoint.verify()
            assert checkpoint.document("state.json") == {"seed": entry.step}


class TestFailure:
    @pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
    @pytest.mark.parametrize("part", ["model.safetensors", "callbacks/Mean.safetensors"])
    def test_a_part_that_cannot_be_written_leaves_everything_as_it_was(
        self, store: CheckpointStore, error: int, part: str
    ) -> None:
        save(store, 10)
        before = tree(store.root)
        whole = contents(20)

        def fail(path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(error, os.strerror(error))

        broken = Contents({**whole.files, part: fail}, whole.documents)
        with pytest.raises(CheckpointFailed, match=rf"{part} failed.*bytes are free") as caught:
            store.save(broken, step=20, epoch=2)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == error
        assert tree(store.root) == before
        assert steps(reopened(store)) == [10]

    def test_a_flush_that_fails_leaves_everything_as_it_was_wherever_it_is(
        self, store: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(store, 10)
        before = tree(tmp_path)
        real = os.fsync
        for failing in range(1, 9):  # four parts, the manifest, two directories, the directory above
            calls = iter(range(1, 1000))

            def fsync(descriptor: int, failing: int = failing, calls: object = calls) -> None:
                if next(calls) == failing:  # type: ignore[call-overload]
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                real(descriptor)

            monkeypatch.setattr(os, "fsync", fsync)
            with pytest.raises(CheckpointFailed, match="Input/output error"):
                store.save(contents(20), step=20, epoch=2)
            assert tree(tmp_path) == before
        monkeypatch.setattr(os, "fsync", real)
        save(store, 30)
        assert steps(store) == [30]

    def test_a_bug_in_a_writer_is_named_with_its_part(self, store: CheckpointStore) -> None:
        def fail(path: Path) -> None:
            raise KeyError("weights")

        with pytest.raises(CheckpointFailed, match=r"model\.safetensors failed: 'weights'"):
            store.save(Contents({"model.safetensors": fail}, {}), step=1, epoch=0)

    def test_an_interrupt_is_not_wrapped_and_leaves_nothing(self, store: CheckpointStore) -> None:
        before = tree(store.root)

        def interrupt(path: Path) -> None:
            path.write_bytes(b"half")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.save(Contents({"model.safetensors": interrupt}, {}), step=1, epoch=0)
        assert tree(store.root) == before

    def test_a_root_that_vanished_is_an_error_of_the_save(self, store: CheckpointStore, tmp_path: Path) -> None:
        store.root.rename(tmp_path / "elsewhere")
        with pytest.raises(CheckpointFailed, match="No such file"):
            save(store, 1)

    def test_an_index_that_cannot_be_written_prunes_nothing(
        self, store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(store, 10)

        def fail(*args: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(writer_module, "write_index", fail)
            with pytest.raises(CheckpointFailed, match="is committed, but what follows a commit failed"):
                save(store, 20)
        assert steps(store) == [10, 20]
        assert steps(reopened(store)) == [10, 20]
        save(store, 30)
        assert steps(store) == [30]

    def test_what_cannot_be_deleted_does_not_fail_the_save(
        self, store: CheckpointStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        save(store, 10)

        def fail(*args: object) -> None:
            raise OSError(errno.EACCES, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr(staging, "throw_away", fail)
            save(store, 20)
        assert "could not be deleted" in caplog.text
        later = reopened(store)
        assert [entry.step for entry in later.entries] == [10, 20]
        later.prune()
        assert steps(later) == [20]


class TestConstruction:
    def test_it_creates_its_directory_and_an_empty_index(self, tmp_path: Path) -> None:
        CheckpointStore(tmp_path / "a" / "b", RUN)
        assert json.loads((tmp_path / "a" / "b" / "index.json").read_bytes())["entries"] == []

    def test_the_directory_of_another_run_is_refused(self, store: CheckpointStore) -> None:
        with pytest.raises(CheckpointError, match=f"of the run '{RUN}', not of 'other'"):
            CheckpointStore(store.root, "other")

    def test_a_directory_that_cannot_be_written_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "locked").mkdir()
        (tmp_path / "locked").chmod(stat.S_IRUSR | stat.S_IXUSR)
        if os.access(tmp_path / "locked", os.W_OK):  # the superuser may write everywhere
            real = Path.open

            def refuse(path: Path, mode: str = "r", *args: object, **options: object) -> object:
                if path.parent.name == "locked" and mode != "r":
                    raise OSError(errno.EROFS, "Read-only file system")
                return real(path, mode, *args, **options)  # type: ignore[arg-type]

            monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(CheckpointFailed, match=r"locked failed.*(Read-only|Permission)"):
            CheckpointStore(tmp_path / "locked", RUN)

    def test_a_file_in_the_place_of_the_directory_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(CheckpointFailed, match="File exists"):
            CheckpointStore(tmp_path / "file", RUN)

    def test_a_relative_path_stays_where_it_was(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = CheckpointStore(Path("here"), RUN)
        monkeypatch.chdir("/")
        save(store, 1)
        assert steps(store) == [1]
        assert store.root == tmp_path / "here"

    def test_the_temporary_directory_of_the_system_is_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path / "does-not-exist"))
        store = CheckpointStore(tmp_path / "c", RUN)
        save(store, 1)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


def test_a_manifest_is_never_changed_after_its_commit(store: CheckpointStore) -> None:
    store.set_retention([KeepLast(9)])
    first = save(store, 10, tags=["best"])
    raw = (store.root / first / "manifest.json").read_bytes()
    save(store, 20, tags=["best"])
    store.pin("a", first)
    store.rebuild()
    assert (store.root / first / "manifest.json").read_bytes() == raw


def test_what_a_policy_sees_is_a_manifest(store: CheckpointStore) -> None:
    seen: list[Manifest] = []

    def policy(entries: Sequence[Manifest]) -> set[str]:
        seen[:] = entries
        return set()

    store.set_retention([policy])
    save(store, 10)
    assert seen == list(store.entries)

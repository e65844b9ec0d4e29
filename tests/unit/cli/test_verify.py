from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineside.store import RunDirectory, find_runs
from tests.unit.cli.commands import call


@pytest.fixture
def run(written: Path, tmp_path: Path) -> RunDirectory:
    """A copy of a run with two checkpoints, to be damaged."""
    original = find_runs(written, "digits", "cnn")[0]
    return RunDirectory(shutil.copytree(original.path, tmp_path / "runs" / "digits" / original.name))


def checkpoints(run: RunDirectory) -> list[Path]:
    return sorted(path for path in run.checkpoints.iterdir() if path.is_dir())


def damage(checkpoint: Path) -> None:
    state = checkpoint / "state.json"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)


def test_all_checkpoints_of_a_run_are_verified(run: RunDirectory, tmp_path: Path) -> None:
    called = call("verify", "cnn", "--run-dir", tmp_path / "runs")
    assert called.code == 0
    names = [path.name for path in checkpoints(run)]
    assert [line.split(":")[0] for line in called.out.splitlines()] == names
    assert all(": sound: " in line for line in called.out.splitlines())


def test_one_flipped_bit_is_found_and_named(run: RunDirectory, tmp_path: Path) -> None:
    damage(checkpoints(run)[0])
    called = call("verify", "cnn", "--run-dir", tmp_path / "runs")
    assert called.code == 1
    first, second = called.out.splitlines()
    assert "DAMAGED: state.json: its content does not fit its digest" in first
    assert ": sound: " in second
    assert call("verify", "cnn:last", "--run-dir", tmp_path / "runs").code == 0
    assert call("verify", checkpoints(run)[0]).code == 1
    assert call("verify", checkpoints(run)[1]).code == 0


def test_one_without_its_manifest_is_damaged_by_any_name(run: RunDirectory, tmp_path: Path) -> None:
    first = checkpoints(run)[0]
    (first / "manifest.json").unlink()
    for name in (str(first), f"cnn:{first.name}", "cnn"):
        called = call("verify", name, "--run-dir", tmp_path / "runs")
        assert called.code == 1
        assert "manifest.json" in called.out


def test_the_shape_of_the_json(run: RunDirectory, tmp_path: Path) -> None:
    damage(checkpoints(run)[0])
    bad, good = call("verify", "cnn", "--run-dir", tmp_path / "runs", "--json").document
    assert bad == {
        "checkpoint": str(checkpoints(run)[0]),
        "sound": False,
        "file": "state.json",
        "detail": "its content does not fit its digest",
        **dict.fromkeys(("step", "files", "bytes")),
    }
    assert list(good) == list(bad)
    assert (good["sound"], good["step"], good["file"]) == (True, 20, None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lstm:best", "has no checkpoint 'best'"),
        ("dead", "holds no checkpoint"),
        ("nobody", "There is no run 'nobody'"),
    ],
)
def test_what_is_not_there_is_an_error(written: Path, name: str, message: str) -> None:
    called = call("verify", name, "--run-dir", written)
    assert called.code == 1
    assert message in called.error

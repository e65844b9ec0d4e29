from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lineside.store import environment as module
from lineside.store.environment import environment, git_state, without_secrets


def git(path: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(path), *identity, *arguments], check=True, capture_output=True)


def test_the_environment_is_plain_and_tells_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--api-key", "s3cret"])
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["numpy"]
    assert found["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert "s3cret" not in json.dumps(found)


def test_a_working_directory_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert environment()["cwd"] is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["train.py", "--lr", "0.1"], ["train.py", "--lr", "0.1"]),
        (["--wandb-key=abc", "x"], ["--wandb-key=***", "x"]),
        (["--password", "abc", "x"], ["--password", "***", "x"]),
        (["--token", "--lr", "1"], ["--token", "--lr", "1"]),
        (["API_TOKEN=abc"], ["API_TOKEN=***"]),
        (["--url=https://me:pw@host/path?sig=1"], ["--url=https://host/path"]),
        (["s3://bucket/run"], ["s3://bucket/run"]),
        (["http://[broken"], ["***"]),
    ],
)
def test_secrets_leave_the_command_line(given: list[str], kept: list[str]) -> None:
    assert without_secrets(given) == kept


@pytest.mark.needs("git")
def test_the_state_of_the_code_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    git(tmp_path, "remote", "add", "origin", "https://me:pw@example.org/team/code.git")
    state = git_state(tmp_path)
    assert state is not None
    assert len(state["commit"]) == 40
    assert (state["branch"], state["dirty"], state["remote"]) == ("main", False, "https://example.org/team/code.git")
    (tmp_path / "train.py").write_text("2")
    assert git_state(tmp_path)["dirty"] is True


@pytest.mark.needs("git")
def test_a_repository_without_a_commit_and_no_repository_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "inside").mkdir()
    assert git_state(tmp_path / "inside") is None
    git(tmp_path / "inside", "init")
    assert git_state(tmp_path / "inside") == {"commit": None, "branch": "main", "remote": None, "dirty": False}


def test_no_git_and_no_time_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None
    monkeypatch.undo()
    monkeypatch.setattr(module, "_GIT_SECONDS", 0.0)
    assert git_state(tmp_path) is None

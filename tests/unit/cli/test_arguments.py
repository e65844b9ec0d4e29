from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from lineside.cli.arguments import known_runs
from lineside.store import find_runs


def complete(line: str, directory: Path) -> list[str]:
    """Return what a shell offers for the last word of a line; `directory` is where it stands."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "lineside"],
        cwd=directory,
        env=os.environ | {"_LINESIDE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


@pytest.fixture
def standing_in(written: Path, tmp_path: Path) -> Path:
    (tmp_path / "runs").symlink_to(written)
    return tmp_path


def test_commands_runs_and_callbacks_are_completed(standing_in: Path, written: Path) -> None:
    assert complete("lineside sh", standing_in) == ["show"]
    (dead,) = [run.name for run in find_runs(written) if run.name.startswith("dead")]
    assert complete("lineside show de", standing_in) == [dead]
    assert complete("lineside callbacks early", standing_in) == ["early-stopping"]


def test_runs_are_looked_for_where_the_line_says(written: Path, tmp_path: Path) -> None:
    assert len(complete(f"lineside compare --run-dir {written} ", tmp_path)) == 4 + len(["last"])
    assert complete("lineside show ", tmp_path) == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("la", ["last"]),
        ("wo", ["words/last", "words/lstm"]),
        ("digits/", ["digits/last", "digits/broken", "digits/cnn", "digits/dead"]),
        ("digits/roke", ["digits/broken"]),
        ("words/l", ["words/last", "words/lstm"]),
        ("digi/", []),
    ],
)
def test_runs_are_completed_by_project_too(written: Path, typed: str, offered: list[str]) -> None:
    line = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    line.params["run_dir"] = written
    ids = {f"{run.project}/{run.name}": f"{run.project}/{run.read_record().name}" for run in find_runs(written)}
    assert [ids.get(each, each) for each, _ in known_runs(line, typed)] == offered

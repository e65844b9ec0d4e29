from __future__ import annotations

from pathlib import Path

import pytest

from lineside.cli.chosen_run import chosen_run
from lineside.errors import RunAmbiguous, RunNotFound


@pytest.mark.parametrize(
    ("asked", "stem"),
    [
        ("last", "broken"),
        ("latest", "broken"),
        ("digits/last", "broken"),
        ("words/latest", "lstm"),
        ("cnn", "cnn"),
        ("dea", "dead"),
        ("oke", "broken"),
        ("words/lstm", "lstm"),
    ],
)
def test_last_a_beginning_and_a_part_stand_for_a_run(written: Path, asked: str, stem: str) -> None:
    assert chosen_run(written, asked).read_record().name == stem


def test_a_directory_stands_for_its_run_even_if_it_is_called_last(written: Path, tmp_path: Path) -> None:
    run = chosen_run(written, "cnn")
    assert chosen_run(tmp_path, str(run.path)).name == run.name
    (tmp_path / "last").symlink_to(run.path)
    assert chosen_run(written, str(tmp_path / "last")).name == run.name


def test_several_are_listed_and_none_names_the_nearest(written: Path, tmp_path: Path) -> None:
    with pytest.raises(RunAmbiguous, match=r"'20' stands for several runs: .*digits/cnn-"):
        chosen_run(written, "20")
    with pytest.raises(RunNotFound, match="There is no run 'lsmt'"):
        chosen_run(written, "lsmt")
    with pytest.raises(RunNotFound, match="none is the last"):
        chosen_run(tmp_path, "last")
    with pytest.raises(RunNotFound, match="none is the last"):
        chosen_run(written, "nowhere/last")

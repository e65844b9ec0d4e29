"""A file holds one concept; a long one holds several."""

from __future__ import annotations

from tests.architecture.repository import ROOT, files

MOST_LINES = 400


def test_no_python_file_is_longer_than_400_lines() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files("*.py")}
    assert lengths, "no Python file found"
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    assert [path for path in files("*.py") if path.name in drawers] == []

"""The repository works for whoever clones it, and holds nothing unfinished."""

from __future__ import annotations

import re

import pytest

from tests.architecture.repository import ROOT, files

# A character class in each pattern keeps this file from finding itself.
UNWANTED = {
    "a path of one machine": r"(?<![\w.$}~/])/(?:[w]ork|[r]oot)/",
    "the address of a package index": r"[p]ypi\.org/simple|[p]ythonhosted\.|download\.[p]ytorch|[-]index-url",
    "something unfinished": r"\b(?:[T]ODO|[F]IXME|[X]XX)\b",
    "a conflict of a merge": r"^(?:<{7}|>{7}) ",
}


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(UNWANTED[what], re.MULTILINE)
    found = []
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match.group()}")
    assert found == []


def test_no_file_is_large() -> None:
    large = {path.name: path.stat().st_size for path in files() if path.stat().st_size > 1_000_000}
    assert large == {}


def test_the_typed_marker_is_shipped() -> None:
    assert (ROOT / "src" / "lineside" / "py.typed").read_bytes() == b""

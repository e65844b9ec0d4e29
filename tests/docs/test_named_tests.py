"""Tests that a document names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.test_documents import DOCUMENTS, ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(?:(\w+)::)?(\w+)`")
NAMED = {match.groups() for document in DOCUMENTS for match in _NAMED.finditer(document.read_text("utf-8"))}


def functions(path: Path, name: str | None) -> set[str]:
    """Return the functions of a module, or the methods of a class and of the contract suites that it stands on."""
    tree = ast.parse(path.read_text("utf-8"))
    if name is None:
        return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    suite = ROOT / "src" / "lineside" / "testing" / "host_contract.py"
    trees = [tree, ast.parse(suite.read_text("utf-8"))]
    classes = [node for one in trees for node in one.body if isinstance(node, ast.ClassDef)]
    wanted = [one for one in classes if one.name in (name, "HostContract")]
    return {node.name for one in wanted for node in one.body if isinstance(node, ast.FunctionDef)}


def test_some_are_named() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("path", "suite", "test"), sorted(NAMED, key=str))
def test_a_test_that_a_document_names_is_there(path: str, suite: str | None, test: str) -> None:
    assert test in functions(ROOT / path, suite)

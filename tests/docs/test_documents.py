"""Every Python block of the documents runs: the blocks of one file in order, in one namespace, on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import script

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_document_run(document: Path, tmp_path: Path) -> None:
    code = script(document)
    if not code.strip():
        return  # nothing in it claims to be executable
    # A script of its own, named as the document: tracebacks name the document's lines, and worker processes can import
    # what the blocks define, as they can for a reader who pastes them into a file.
    pasted = tmp_path / document.name
    pasted.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, pasted],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    if done.returncode != 0:
        pytest.fail(f"{document.relative_to(ROOT)}\n{done.stdout}{done.stderr}", pytrace=False)

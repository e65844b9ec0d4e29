"""Links within the repository lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.test_documents import DOCUMENTS, ROOT


def tokens(path: Path) -> Iterator[Token]:
    for block in MarkdownIt("commonmark").enable("table").parse(path.read_text("utf-8")):
        yield block
        yield from block.children or []


def targets(path: Path) -> Iterator[str]:
    """Yield the addresses of links and pictures, those in plain HTML included."""
    for token in tokens(path):
        if token.type in {"link_open", "image"}:
            yield str(token.attrGet("href" if token.type == "link_open" else "src"))
        elif token.type in {"html_block", "html_inline"}:
            yield from re.findall(r'(?:href|src)="([^"]+)"', token.content)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, made as GitHub makes them."""
    found = list(tokens(path))
    titles = [after.content for before, after in pairwise(found) if before.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    broken = []
    for target in targets(document):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue  # elsewhere on the web; a test needs no network
        goal = document.parent / unquote(parts.path) if parts.path else document
        if not goal.exists() or (parts.fragment and goal.suffix == ".md" and parts.fragment not in anchors(goal)):
            broken.append(target)
    assert broken == []

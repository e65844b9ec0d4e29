"""What docstrings say about options: the section ``Args`` in Google's style."""

from __future__ import annotations

import inspect
import re
from typing import Final

_SECTION: Final = re.compile(r"^(?:Args|Arguments|Attributes|Keyword Args|Parameters):\s*$")
_ENTRY: Final = re.compile(r"^(?P<indent> +)\*{0,2}(?P<name>[A-Za-z_]\w*)(?: \([^)]*\))?:\s*(?P<text>.*)$")


def described_options(*owners: object) -> dict[str, str]:
    """Return a sentence or more for each option that the docstrings of some objects describe; earlier ones win."""
    described: dict[str, str] = {}
    for owner in owners:
        for name, words in _options(inspect.getdoc(owner) or "").items():
            described.setdefault(name, words)
    return described


def summary(owner: object) -> str:
    """Return the first paragraph of an object's docstring, in one line."""
    return " ".join((inspect.getdoc(owner) or "").partition("\n\n")[0].split())


def _options(docstring: str) -> dict[str, str]:
    described: dict[str, list[str]] = {}
    inside, depth, name = False, None, None
    for line in docstring.splitlines():
        if _SECTION.match(line):
            inside, depth, name = True, None, None
        elif line and not line.startswith(" "):
            inside = False
        elif inside and line.strip():
            found = _ENTRY.match(line)
            indent = len(line) - len(line.lstrip())
            if found is not None and indent == (indent if depth is None else depth):
                depth, name = indent, found["name"]
                described[name] = [found["text"]]
            elif name is not None:
                described[name].append(line.strip())
    return {name: " ".join(words).strip() for name, words in described.items()}

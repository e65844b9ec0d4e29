"""The Python blocks of a Markdown file, as a script whose line numbers are those of the file."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

SKIP = re.compile(r"<!--\s*not executed:(?P<reason>.*?)-->\s*", re.DOTALL)
# Other spellings of the language would slip past the tests.
MISSPELT = {"py", "python3", "py3", "pycon", "ipython"}


class SnippetError(ValueError):
    """A block that cannot be told to be executed or not."""


def script(path: Path) -> str:
    """Return the executable blocks of a Markdown file as one script, every line at its place in the file.

    A block after `<!-- not executed: reason -->` is left out, but must still be valid Python.

    Raises:
        SnippetError: a language is misspelt, or a reason is missing.
        SyntaxError: a block that is not executed is no Python either.
    """
    text = path.read_text("utf-8")
    lines = [""] * len(text.splitlines())
    tokens = MarkdownIt("commonmark").parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != "fence" or token.map is None:
            continue
        start = token.map[0]
        language = token.info.split()[0] if token.info.strip() else ""
        if language.lower() in MISSPELT or (language.lower() == "python" and token.info.strip() != "python"):
            message = f"{path}:{start + 1}: write ```python, not ```{token.info.strip()}: only that is executed."
            raise SnippetError(message)
        if language != "python":
            continue
        if _is_skipped(before, path):
            compile("\n" * (start + 1) + token.content, str(path), "exec")
            continue
        block = token.content.splitlines()
        lines[start + 1 : start + 1 + len(block)] = block
    return "\n".join(lines) + "\n"


def _is_skipped(before: Token | None, path: Path) -> bool:
    if before is None or before.type != "html_block":
        return False
    skip = SKIP.fullmatch(before.content.strip())
    if skip is None:
        return False
    if not skip["reason"].strip():
        message = f"{path}: a block is not executed, but the comment before it gives no reason."
        raise SnippetError(message)
    return True

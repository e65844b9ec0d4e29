"""Lines for people: plain text anywhere, with colour in a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style


def say(line: str, stream: TextIO | None = None, style: str = "") -> None:
    """Write a line.

    It goes through the stream's own ``write``: a live display that has taken over ``sys.stdout`` puts it above itself.

    Args:
        line: without a line break.
        stream: where to; what ``sys.stdout`` is at this moment unless given.
        style: a style of Rich, such as ``"yellow"``, for terminals that have colours.
    """
    out = stream if stream is not None else sys.stdout
    if out is None:  # a program without a console, as pythonw.exe runs it
        return
    encoding = getattr(out, "encoding", None) or "utf-8"
    line = line.encode(encoding, "replace").decode(encoding)
    if style:
        console = Console(file=out)
        if console.is_terminal and not console.no_color:
            line = Style.parse(style).render(line, color_system=ColorSystem.STANDARD)
    out.write(line + "\n")
    out.flush()

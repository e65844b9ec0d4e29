"""Three ways to show how far a stage is: a live bar in a terminal, a widget in a notebook, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, Protocol, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lineside.errors import MissingDependency
from lineside.language import text
from lineside.reports.speech import say

log = logging.getLogger("lineside")

_LEAST_BAR = 10
"""Columns; a shorter bar says nothing."""

Kind = Literal["auto", "terminal", "notebook", "plain"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a stage is.

    Attributes:
        label: such as ``epoch 3/20``.
        done: batches that are over.
        total: batches of the stage, where known.
        values: such as ``loss 0.1234``.
        eta: seconds until the end of the training, where known.
    """

    label: str
    done: int
    total: int | None
    values: str = ""
    eta: float | None = None

    @property
    def count(self) -> str:
        """Return ``120/450``, padded so that what follows stands still."""
        return f"{self.done:>{len(str(self.total))}}/{self.total}" if self.total is not None else str(self.done)

    @property
    def left(self) -> str:
        """Return ``ETA 1:02:03``."""
        if self.eta is None:
            return ""
        minutes, seconds = divmod(round(self.eta), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return text(f"ETA {clock}", f"剩余 {clock}")


class Display(Protocol):
    """Where progress is shown; nothing is shown before the first update."""

    def update(self, standing: Standing) -> None:
        """Show how far it is."""
        ...

    def say(self, line: str) -> None:
        """Show a line that stays."""
        ...

    def close(self) -> None:
        """Take the bar away; a later update brings it back."""
        ...


class TerminalDisplay:
    """A live bar by Rich. It is drawn only when it is updated: no thread of its own takes time from the training."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._live: Live | None = None

    def update(self, standing: Standing) -> None:
        """Draw the bar anew."""
        if self._live is None:
            console = Console(file=self._stream)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
            # Rich hides the cursor, and a kill -9 would leave it hidden.
            console.show_cursor(show=True)
        options = self._live.console.options
        self._live.update(_bar_line(standing, options.max_width, ascii_only=options.ascii_only), refresh=True)

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        if self._live is None:
            say(line, self._stream)
        else:
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away and give ``sys.stdout`` back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _bar_line(standing: Standing, width: int, *, ascii_only: bool) -> Text:
    """Return one line that fills the width; Rich's own progress table takes five times as long to draw."""
    words = "  ".join(filter(None, (standing.count, standing.values, standing.left)))
    room = width - cell_len(standing.label) - cell_len(words) - 2
    line = Text(standing.label + " ", no_wrap=True, overflow="ellipsis")
    if standing.total and room >= _LEAST_BAR:
        filled = min(room, room * standing.done // standing.total)
        done, open_ = ("=", "-") if ascii_only else ("━", "━")
        line.append(done * filled, "cyan").append(open_ * (room - filled), "bright_black").append(" ")
    return line.append(words)


class NotebookDisplay:
    """A widget by tqdm."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage: tuple[str, int | None] = ("", None)

    def update(self, standing: Standing) -> None:
        """Move the widget; it starts anew with each stage."""
        from tqdm.notebook import tqdm

        stage = (standing.label, standing.total)
        if self._bar is None:
            self._bar = tqdm(total=standing.total, leave=False)
        elif stage != self._stage:
            self._bar.reset(total=standing.total)
        self._stage = stage
        self._bar.n = standing.done
        self._bar.set_description_str(standing.label, refresh=False)
        self._bar.set_postfix_str("  ".join(filter(None, (standing.values, standing.left))), refresh=False)
        self._bar.refresh()

    def say(self, line: str) -> None:
        """Write a line below the cell."""
        say(line)

    def close(self) -> None:
        """Take the widget away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class PlainDisplay:
    """A line each time, for logs."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def update(self, standing: Standing) -> None:
        """Write how far it is."""
        share = f"{100 * standing.done // standing.total} %" if standing.total else ""
        parts = (standing.label, standing.count, share, standing.values, standing.left)
        say("  ".join(filter(None, parts)), self._stream)

    def say(self, line: str) -> None:
        """Write a line."""
        say(line, self._stream)

    def close(self) -> None:
        """Nothing to take away."""


def choose(kind: Kind, stream: TextIO | None) -> Display:
    """Return the display that fits to where the output goes.

    Raises:
        MissingDependency: a notebook's widget is asked for, and its libraries are not installed.
    """
    if kind == "notebook" or (kind == "auto" and stream is None and _in_notebook()):
        if find_spec("tqdm") is not None and find_spec("ipywidgets") is not None:
            return NotebookDisplay()
        missing = MissingDependency("The progress bar of notebooks", "tqdm with ipywidgets", "notebook")
        if kind == "notebook":
            raise missing
        log.warning("%s Until then progress is shown in lines.", missing)
        return PlainDisplay(stream)
    console = Console(file=stream)
    if kind == "terminal" or (kind == "auto" and console.is_terminal and not console.is_dumb_terminal):
        return TerminalDisplay(stream)
    return PlainDisplay(stream)


def _in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook; the shell of IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None

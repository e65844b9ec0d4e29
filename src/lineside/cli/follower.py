"""Watching a run until it ends, and three ways to show it: live in a terminal, as lines, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lineside.cli.live_panel import LivePanel
from lineside.cli.news import News, Newsfeed
from lineside.cli.standing import Standing
from lineside.cli.terminal import print_json
from lineside.store.directory import RunDirectory
from lineside.store.run_record import RunRecord

_PLACE: Final = 12
"""Columns for where in the training something happened."""


class Display(Protocol):
    """Where a run is shown."""

    def show(self, news: Sequence[News], record: RunRecord, standing: Standing) -> None:
        """Show what is new, and how the run stands."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def watch(run: RunDirectory, display: Display, wait: Callable[[], None], lines: int) -> Standing:
    """Show what happens until the run ends, and return how it ended.

    Args:
        run: its directory.
        display: where it is shown.
        wait: called between two looks.
        lines: how much of what happened before is shown; of what is worth a line.

    Raises:
        StoreError: a file of the run is damaged.
    """
    feed = Newsfeed(run)
    past = True
    while True:
        # First how it stands: what was recorded before its end is read afterwards, and is complete.
        record = run.read_record()
        standing = Standing.of(run, record)
        news = feed.read()
        if past:
            worth = [each for each in news if each.said() is not None]
            news, past = worth[max(0, len(worth) - lines) :], False
        display.show(news, record, standing)
        if not standing.live:
            return standing
        wait()


class JsonDisplay:
    """A line of JSON for each event and request, and for each change of how the run stands."""

    def __init__(self) -> None:
        self._before: object = None

    def show(self, news: Sequence[News], record: RunRecord, standing: Standing) -> None:
        """Print what is new."""
        for each in news:
            print_json(each.document())
        now = {"state": standing.state, "reason": standing.reason, "progress": dict(record.progress)}
        if now != self._before:
            self._before = now
            print_json({"event": "state", "time": record.updated, **now})

    def close(self) -> None:
        """Nothing to leave."""


class LineDisplay:
    """A line for each thing that happens, for logs."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._state = ""

    def show(self, news: Sequence[News], record: RunRecord, standing: Standing) -> None:
        """Print what is new."""
        for each in news:
            if (said := each.said()) is not None:
                self._out.print(Text(f"{each.place:>{_PLACE}}  ").append_text(said), soft_wrap=True)
        if standing.state != self._state:
            self._state = standing.state
            self._out.print(standing.sentence(), soft_wrap=True)
        self._out.file.flush()

    def close(self) -> None:
        """Nothing to leave."""


class LiveDisplay:
    """Lines for what happens, and below them a panel that is drawn anew at each look."""

    def __init__(self, out: Console, run: RunDirectory) -> None:
        self._out = out
        self._panel = LivePanel(run)
        self._live = Live(console=out, auto_refresh=False)
        self._live.start()

    def show(self, news: Sequence[News], record: RunRecord, standing: Standing) -> None:
        """Print what is new, and draw the panel."""
        for each in news:
            if (said := each.said()) is not None:
                row = Table.grid(padding=(0, 2, 0, 0))
                row.add_column(width=_PLACE, justify="right", style="dim", no_wrap=True)
                row.add_column(overflow="fold")
                row.add_row(each.place, said)
                self._live.console.print(row)
        self._live.update(self._panel.drawn(self._out, record, standing), refresh=True)

    def close(self) -> None:
        """Leave the last panel standing, and show the cursor again."""
        self._live.stop()

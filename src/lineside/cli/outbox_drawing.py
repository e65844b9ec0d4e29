"""How an outbox stands, as it is drawn in a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

from lineside.cli.amounts import ago, count, moment
from lineside.cli.terminal import NARROW, heading, indented, printable, table
from lineside.language import text
from lineside.outbox.standing import OutboxStanding


def draw_outbox(out: Console, standing: OutboxStanding, error: str | None = None) -> None:
    """Draw what waits and what was given up, below all counts; nothing where nothing was ever recorded.

    Args:
        out: the terminal.
        standing: of the outbox.
        error: why it is not known.
    """
    if error is not None:
        heading(out, text("Deliveries", "投递"))
        out.print(Text(f"  {printable(error)}", "red"))
    if standing.is_empty:
        return
    heading(out, text("Deliveries", "投递"))
    out.print(Text(f"  {_counts(standing)}"))
    if standing.queues:
        _queues(out, standing)
    if standing.failures:
        _failures(out, standing)


def _counts(standing: OutboxStanding) -> str:
    parts = [
        text(f"{count(standing.sent)} sent", f"已送达 {count(standing.sent)}"),
        text(f"{count(standing.waiting)} waiting", f"等待 {count(standing.waiting)}") if standing.waiting else "",
        text(f"{count(standing.failed)} given up", f"已放弃 {count(standing.failed)}") if standing.failed else "",
        text(f"{count(standing.refused)} without room", f"因已满未收 {count(standing.refused)}")
        if standing.refused
        else "",
    ]
    return " · ".join(filter(None, parts))


def _queues(out: Console, standing: OutboxStanding) -> None:
    rows = table(
        {"header": text("waiting for", "等待投递到"), "overflow": "fold"},
        {"header": text("how many", "数量"), "justify": "right"},
        {"header": text("since", "最早"), "overflow": "fold"},
        {"header": text("tries", "已试"), "justify": "right"},
        *([] if out.width < NARROW else [{"header": text("why", "原因"), "overflow": "fold"}]),
    )
    for queue in standing.queues:
        why = text("not tried yet", "尚未尝试") if queue.detail is None else printable(queue.detail)
        rows.add_row(
            Text(printable(queue.destination), "yellow"),
            count(queue.waiting),
            ago(time.time() - queue.since),
            count(queue.tries),
            *([] if out.width < NARROW else [why]),
        )
    indented(out, rows)


def _failures(out: Console, standing: OutboxStanding) -> None:
    rows = table(
        {"header": text("given up", "已放弃"), "overflow": "fold"},
        *([] if out.width < NARROW else [{"header": text("destination", "目的地"), "overflow": "fold"}]),
        {"header": text("when", "时间"), "overflow": "fold"},
        {"header": text("why", "原因"), "overflow": "fold"},
    )
    for failure in standing.failures:
        rows.add_row(
            Text(printable(failure.title), "red"),
            *([] if out.width < NARROW else [printable(failure.destination)]),
            moment(failure.ended),
            printable(failure.detail),
        )
    indented(out, rows)

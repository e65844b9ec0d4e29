"""What the callbacks of a run cost, as a table that people read, and the sentences that name a culprit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineside.dispatch.profile import CallbackCost

SLOW_SHARE = 0.05
"""Share of the run above which an inline callback is named."""

SLOW_SECONDS = 0.1
"""Total below which nobody minds, however short the run."""

_HEAD = ("callback", "lane", "calls", "total", "mean", "p99", "share")


def table(costs: Sequence[CallbackCost]) -> str:
    """Return one line a callback, the costliest first; the share of a background lane is of its own thread."""
    rows = [_HEAD] + [
        (
            cost.name,
            cost.lane,
            f"{cost.calls:,}",
            seconds(cost.total),
            seconds(cost.mean),
            seconds(cost.p99),
            f"{cost.share:.1%}",
        )
        for cost in costs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in [*lines, *remarks(costs)])


def remarks(costs: Sequence[CallbackCost]) -> Iterator[str]:
    """Yield a sentence for each callback that was slow, failed, was disabled or lost records."""
    for cost in costs:
        if cost.lane == "inline" and cost.share > SLOW_SHARE and cost.total >= SLOW_SECONDS:
            yield (
                f"{cost.name} took {cost.share:.0%} of the run ({seconds(cost.total)} in {cost.calls:,} calls): call "
                "it less often with @every, or move it off the training thread with background=True."
            )
        if cost.failures:
            disabled = f", and {', '.join(cost.disabled)} was disabled" if cost.disabled else ""
            times = "once" if cost.failures == 1 else f"{cost.failures} times"
            yield f"{cost.name} failed {times}{disabled}; the log has the traceback."
        if cost.dropped:
            yield f"{cost.name} was too slow in the background: {cost.dropped:,} batch records were dropped."


def seconds(value: float) -> str:
    """Return a time with a unit that fits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.0f} ns" if value else "0"

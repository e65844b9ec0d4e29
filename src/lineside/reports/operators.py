"""The costliest operators of a profile, as a table that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lineside.language import text
from lineside.profiling import OperatorCost

_NAME_WIDTH = 48
"""Names of generated kernels are long; what tells them apart stands at their beginning."""


def costliest(costs: Sequence[OperatorCost], steps: int, limit: int) -> str:
    """Return the costliest operators: first by the time of an accelerator, if one took part, then by CPU time.

    Times are those of the operators themselves, without the operators that they call.

    Args:
        costs: of all operators.
        steps: over how many steps they were summed.
        limit: how many operators to name in each table.
    """
    tables = []
    if any(cost.device_seconds for cost in costs):
        tables.append(_table(text("accelerator", "加速器"), costs, lambda cost: cost.device_seconds, steps, limit))
    tables.append(_table("CPU", costs, lambda cost: cost.seconds, steps, limit))
    return "\n\n".join(tables)


def _table(
    where: str, costs: Sequence[OperatorCost], seconds: Callable[[OperatorCost], float], steps: int, limit: int
) -> str:
    total = sum(map(seconds, costs))
    head = text(
        f"{where}: {1e3 * total / steps:.3g} ms a step in operators", f"{where}：每步 {1e3 * total / steps:.3g} 毫秒"
    )
    chosen = [cost for cost in sorted(costs, key=lambda cost: -seconds(cost))[:limit] if seconds(cost) > 0]
    rows = [
        (
            text("operator", "算子"),
            text("calls a step", "每步次数"),
            text("ms a step", "每步毫秒"),
            text("share", "占比"),
        ),
        *(
            (
                cost.name if len(cost.name) <= _NAME_WIDTH else f"{cost.name[: _NAME_WIDTH - 1]}…",
                f"{cost.calls / steps:.4g}",
                f"{1e3 * seconds(cost) / steps:.3g}",
                f"{seconds(cost) / total:.0%}",
            )
            for cost in chosen
        ),
    ]
    return "\n".join([head, *_aligned(rows)])


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows with their columns in line; a character of Chinese is as wide as two others."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        name, *numbers = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join([name, *(cell.rstrip().rjust(len(cell)) for cell in numbers)])


def _width(cell: str) -> int:
    return sum(2 if character >= "\u2e80" else 1 for character in cell)

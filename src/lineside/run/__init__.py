"""One run: it wires the ports together and owns the safe points."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineside.run.run import Run

__all__ = ["Run"]


def __getattr__(name: str) -> object:
    if name != "Run":
        raise AttributeError(f"module 'lineside.run' has no attribute {name!r}")
    from lineside.run.run import Run

    return Run

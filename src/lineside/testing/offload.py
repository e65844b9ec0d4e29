"""A job for the helper process, caught before it gets there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Offload:
    """What a callback gave to `run.offload`.

    Attributes:
        target: the function as ``package.module:function``.
        arguments: its keyword arguments.
        key: jobs of one key replace each other while they wait; None for a job that stands alone.
        at_end: it waits until the run is over.
        figure: the tag under which what it returns is published.
    """

    target: str
    arguments: Mapping[str, Any]
    key: str | None
    at_end: bool = False
    figure: str | None = None

    def run(self) -> Any:
        """Do the work here and now, and return what the function returns."""
        module, _, function = self.target.partition(":")
        return getattr(import_module(module), function)(**self.arguments)

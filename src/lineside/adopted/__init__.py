"""Callbacks of other frameworks in ours: `lineside.adopt`."""

from __future__ import annotations

from lineside.adopted.entry import adopt

__all__ = ["adopt"]

"""The bridge to Lightning: callbacks of Lineside in ``lightning.Trainer``."""

from __future__ import annotations

from lineside.bridges.lightning.entry import lightning

__all__ = ["lightning"]

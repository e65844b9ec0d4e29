"""The bridge to Ultralytics: callbacks of Lineside in ``YOLO.train``, ``val``, ``predict`` and ``export``."""

from __future__ import annotations

from lineside.bridges.ultralytics.entry import ultralytics

__all__ = ["ultralytics"]

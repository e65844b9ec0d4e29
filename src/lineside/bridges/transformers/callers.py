"""Who called: Hugging Face's callbacks are not told which trainer they serve."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any


def calling_trainer() -> Any:
    """Return the trainer whose method is being run further up the stack, or None."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - once for a trainer
    while frame is not None:
        owner = frame.f_locals.get("self")
        if hasattr(type(owner), "evaluation_loop") and hasattr(owner, "callback_handler"):
            return owner
        frame = frame.f_back
    return None

"""Who called: Hugging Face's callbacks are not told which trainer they serve, nor whether it evaluates or predicts."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any


def calling_trainer() -> Any:
    """Return the trainer whose method is being run further up the stack, or None."""
    return next((found for _, found in _trainers()), None)


def is_predicting() -> bool:
    """Tell whether the trainer further up the stack predicts; it evaluates otherwise."""
    return any(name == "predict" for name, _ in _trainers())


def _trainers() -> list[tuple[str, Any]]:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - once for a training or an evaluation
    found = []
    while frame is not None:
        owner = frame.f_locals.get("self")
        if hasattr(type(owner), "evaluation_loop") and hasattr(owner, "callback_handler"):
            found.append((frame.f_code.co_name, owner))
        frame = frame.f_back
    return found

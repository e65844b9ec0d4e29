"""Hooks that Ultralytics calls in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

Hook = Callable[[Any, Any], None]


def ordinarily(hook: Hook) -> Hook:
    """Leave inference mode for a hook: what a callback makes of tensors there could never be changed in training."""

    @wraps(hook)
    def outside(self: Any, source: Any) -> None:
        with torch.inference_mode(mode=False), torch.no_grad():
            hook(self, source)

    return outside

"""What our callbacks log, in Hugging Face's own log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Echo:
    """Hands what our callbacks log to the trainer's `log_history`, and through it to Hugging Face's integrations."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def __call__(self, values: Mapping[str, Any], step: int) -> None:
        """Log values; Hugging Face knows the step itself."""
        self._trainer.log({name: float(value) for name, value in values.items()})

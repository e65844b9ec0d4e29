"""What our callbacks log, in Lightning's own loggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Echo:
    """Hands what our callbacks log to Lightning's loggers, too."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def __call__(self, values: Mapping[str, Any], step: int) -> None:
        """Log values at a step."""
        for logger in self._trainer.loggers:
            logger.log_metrics({name: float(value) for name, value in values.items()}, step)

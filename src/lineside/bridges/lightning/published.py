"""Which of Lightning's metrics were published since one looked last."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class Published:
    """Tells values that a module has logged anew from those that Lightning still shows.

    ``trainer.callback_metrics`` keeps every value that ever was, and hands out another view of the same memory at each
    reading. What was computed anew lies in other memory than the value that is still held here.
    """

    def __init__(self) -> None:
        self._known: dict[str, Tensor] = {}

    def take(self, trainer: Any) -> dict[str, Tensor]:
        """Return the scalars that are new, and know them from now on."""
        new, known = {}, self._known
        for name, value in trainer.callback_metrics.items():
            before = known.get(name)
            if before is None or before.data_ptr() != value.data_ptr():
                known[name] = value
                if value.numel() == 1:
                    new[name] = value
        return new

    def forget(self) -> None:
        """Know nothing: another training or evaluation begins."""
        self._known.clear()

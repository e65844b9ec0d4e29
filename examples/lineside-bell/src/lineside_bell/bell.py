"""`Bell`: a callback of another package, as a template for your own."""

from __future__ import annotations

import sys
from typing import TextIO, Unpack

from lineside import Callback, RunView
from lineside.callback import CallbackOptions


class Bell(Callback):
    """Rings the terminal's bell when the training is over.

    Args:
        times: how often.
        stream: where to ring; ``sys.stderr`` unless given.
        options: the common ones of all callbacks.
    """

    def __init__(self, times: int = 1, *, stream: TextIO | None = None, **options: Unpack[CallbackOptions]) -> None:
        self.times = times
        self.stream = stream
        super().__init__(**options)

    def on_train_end(self, run: RunView) -> None:
        """Ring."""
        (self.stream or sys.stderr).write("\a" * self.times)

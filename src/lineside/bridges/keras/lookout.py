"""Failures that Keras tells no callback of are seen all the same."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from lineside.errors import RunStateError


class Lookout:
    """Stands around the steps of a model, and at the end of the process.

    Args:
        model: whose steps fail.
        failed: is told the error, before it goes on through Keras.
    """

    def __init__(self, model: Any, failed: Callable[[BaseException], None]) -> None:
        self._model = model
        self._failed = failed
        self._steps: dict[str, tuple[Any, Any]] = {}
        self._hook = sys.excepthook
        sys.excepthook = self._uncaught
        atexit.register(self._left)

    def watch(self, name: str) -> None:
        """Stand around ``train_function``, ``test_function`` or ``predict_function``, as soon as Keras has made it."""
        step = getattr(self._model, name)
        if name in self._steps and step is self._steps[name][1]:
            return

        def watched(*arguments: Any) -> Any:
            try:
                return step(*arguments)
            except BaseException as error:
                # Both mean that the data is at its end.
                if not isinstance(error, StopIteration) and type(error).__name__ != "OutOfRangeError":
                    self._failed(error)
                raise

        self._steps[name] = step, watched
        setattr(self._model, name, watched)

    def remove(self) -> None:
        """Take everything out again."""
        for name, (step, watched) in self._steps.items():
            # A model that was compiled meanwhile has another step, or none.
            if getattr(self._model, name) is watched:
                setattr(self._model, name, step)
        self._steps = {}
        if sys.excepthook == self._uncaught:
            sys.excepthook = self._hook
        atexit.unregister(self._left)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._failed(error)
        self._hook(kind, error, trace)

    def _left(self) -> None:
        self._failed(RunStateError("fit was left before its end, and the process ended"))

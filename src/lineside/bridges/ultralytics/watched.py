"""A method of a model, watched: Ultralytics tells no callback that a validation, prediction or export has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from types import GeneratorType
from typing import Any


class Watched:
    """Stands in the place of a model's method.

    Args:
        yolo: the model.
        method: the method's name.
        ended: called when the method has returned, with None, or has failed, with the error.
    """

    def __init__(self, yolo: Any, method: str, ended: Callable[[BaseException | None], None]) -> None:
        self._yolo = yolo
        self._method = method
        self._ended = ended

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the method."""
        try:
            result = getattr(type(self._yolo), self._method)(self._yolo, *arguments, **keywords)
        except BaseException as error:
            self._ended(error)
            raise
        if isinstance(result, GeneratorType):
            return self._streamed(result)
        self._ended(None)
        return result

    def _streamed(self, results: Iterator[Any]) -> Iterator[Any]:
        """Yield the results of ``predict(stream=True)``; who breaks off the loop over them ends the prediction."""
        error = None
        try:
            yield from results
        except GeneratorExit:
            raise
        except BaseException as failure:
            error = failure
            raise
        finally:
            self._ended(error)

    def __deepcopy__(self, memo: dict[int, Any]) -> Watched:
        """A copied model has methods of its own."""
        return Watched(deepcopy(self._yolo, memo), self._method, self._ended)

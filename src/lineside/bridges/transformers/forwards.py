"""What a model's forward passes tell: Hugging Face shows its callbacks neither batches nor outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Forwards:
    """Calls back around each forward pass of a model.

    Args:
        model: the module.
        before: called with the inputs: the keyword arguments, or the first positional one.
        after: called with what the model returned.
    """

    def __init__(self, model: Any, before: Callable[[Any], None], after: Callable[[Any], None]) -> None:
        self._before = before
        self._after = after
        self._handles = [
            model.register_forward_pre_hook(self._enter, with_kwargs=True),
            model.register_forward_hook(self._leave),
        ]

    def _enter(self, module: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self._before(dict(keywords) if keywords else arguments[0] if arguments else None)

    def _leave(self, module: Any, arguments: tuple[Any, ...], outputs: Any) -> None:
        self._after(outputs)

    def close(self) -> None:
        """Take the hooks out of the model."""
        while self._handles:
            self._handles.pop().remove()


def loss_of(outputs: Any) -> Any:
    """Return the loss in a model's outputs, or None."""
    if isinstance(outputs, Mapping):
        return outputs.get("loss")
    return getattr(outputs, "loss", None)

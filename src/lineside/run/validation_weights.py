"""Other weights at work in a validation: put in when it begins, taken out when it ends, and noted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from lineside.errors import RunStateError
from lineside.ports import ModelPort, Stage
from lineside.weights import RAW


class ValidationWeights:
    """Which weights validations are made with.

    Attributes:
        newest: which made the newest validation: ``raw``, or the name of the callback that put others in.
    """

    def __init__(self) -> None:
        self.newest = RAW
        self._author = RAW
        self._swap = ExitStack()

    def put_in(self, model: ModelPort, weights: Mapping[str, Any], author: str, stage: Stage) -> None:
        """Put weights into the model until `take_out`.

        Raises:
            RunStateError: outside of a validation, or after another callback.
            StateMismatch: a name or a shape does not fit.
        """
        if stage != "val":
            raise RunStateError(f"{author}: run.validate_with() belongs into on_val_start; this is stage {stage!r}.")
        if self._author != RAW:
            raise RunStateError(
                f"{self._author} and {author} both want to validate with weights of their own, and a validation has "
                "one model: give one of them validate_with=False."
            )
        self._swap.enter_context(model.swapped(weights))
        self._author = author

    def take_out(self, stage: Stage) -> None:
        """End a stage, however it ended: the model has its own weights again."""
        self._swap.close()
        if stage == "val":
            self.newest, self._author = self._author, RAW

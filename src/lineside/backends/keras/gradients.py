"""The gradients with which an optimizer of Keras steps, seen where the optimizer is given them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lineside.backends.keras import variables
from lineside.backends.keras.step_copies import StepCopies
from lineside.errors import RunStateError


class GradientTap:
    """Stands before ``optimizer.apply`` for as long as a run is open.

    Where a step runs as Python, on torch and on TensorFlow when it runs eagerly, callbacks are told right there, before
    the weights change. A compiled step of TensorFlow runs no Python: it leaves copies, and `late` tells behind it.

    Gradients are those that the optimizer steps with: the mean of those that it accumulates, without the scale of
    mixed precision, before it clips them.

    Args:
        model: a built `keras.Model`.
        optimizer: of Keras.
        compiled: steps are compiled by TensorFlow.
    """

    def __init__(self, model: Any, optimizer: Any, *, compiled: bool) -> None:
        self._model = model
        # The wrapper of mixed precision hands on what is finite, without its scale.
        self._optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self._compiled = compiled
        self._copies: StepCopies | None = None
        self._names: dict[int, str] = {}
        self._tell: Callable[[], None] | None = None
        self._given: Mapping[str, Any] = {}
        self._earlier: Mapping[str, Any] = {}
        self._sums: Mapping[str, Any] = {}
        self._called = self._told = False
        self._seen = 0

    # ---- for the host --------------------------------------------------------------------------------------------

    def insert(self, tell: Callable[[], None], trained: Mapping[str, Any]) -> None:
        """Stand before the optimizer.

        Args:
            tell: shows callbacks that gradients are there.
            trained: the trainable variables by name.
        """
        self._names = {id(one): name for name, one in trained.items()}
        self._names |= {id(one.value): name for name, one in trained.items()}
        self._copies = StepCopies(self._model, trained) if self._compiled else None
        self._seen = self._applied()
        apply = self._optimizer.apply

        def watched(grads: Sequence[Any], trainable_variables: Any = None) -> Any:
            grads = list(grads)
            self._take(grads, self._model.trainable_variables if trainable_variables is None else trainable_variables)
            return apply(grads, trainable_variables)

        self._optimizer.apply = watched
        self._tell = tell

    def remove(self) -> None:
        """Leave the optimizer alone again; a step that was compiled meanwhile copies until it is compiled anew."""
        if self._tell is not None:
            self._tell = None
            del self._optimizer.apply

    def late(self) -> None:
        """Tell of the step that is over, if it was a compiled one.

        Raises:
            RunStateError: no gradients have come by, and none ever would.
        """
        if not self._called:
            raise RunStateError(
                "The optimizer stepped, and no gradients were seen: gradients=True watches apply() of the optimizer "
                "that the run knows. Have a @tf.function that calls it called for the first time when the run is open."
            )
        copies, told, self._told = self._copies, self._told, False
        if copies is None or told:
            return
        # Mixed precision may have skipped the step, and what there is is that of an earlier one.
        applied = self._applied()
        if applied > self._seen:
            self._seen, self._earlier = applied, copies.weights
            try:
                self._show(copies.gradients)
            finally:
                self._earlier = {}

    def _applied(self) -> int:
        # `iterations` leaves out those that are accumulated.
        return int(variables.array(self._optimizer._iterations))  # noqa: SLF001

    # ---- for the model port --------------------------------------------------------------------------------------

    def gradients(self) -> Iterator[tuple[str, Any]]:
        """Yield names and gradients, while callbacks are told that they are there."""
        yield from self._given.items()

    def earlier(self) -> Mapping[str, Any]:
        """Return the weights before the step by name, while callbacks are told late; otherwise nothing."""
        return self._earlier

    # ---- before the step -----------------------------------------------------------------------------------------

    def _take(self, grads: Sequence[Any], trainable_variables: Sequence[Any]) -> None:
        """See gradients come by: as values where Python runs, as what will be copied where it is compiled."""
        self._called = True
        given = {
            name: gradient
            for gradient, variable in zip(grads, trainable_variables, strict=False)
            if gradient is not None and (name := self._names.get(id(variable))) is not None
        }
        optimizer = self._optimizer
        accumulated = optimizer.gradient_accumulation_steps or 1
        share = 1 / (accumulated * (optimizer.loss_scale_factor or 1.0))
        if self._copies is not None and not _runs_eagerly():
            begins = accumulated == 1 or optimizer._iterations.value % accumulated == 0  # noqa: SLF001 - as above
            self._copies.write(given, share, begins=begins)
            return
        if share != 1:
            before = self._sums if self._applied() % accumulated else {}
            given = {name: gradient * share + before.get(name, 0.0) for name, gradient in given.items()}
            self._sums = given if accumulated > 1 else {}
        self._told = True
        self._show(given)

    def _show(self, gradients: Mapping[str, Any]) -> None:
        self._given = gradients
        try:
            if self._tell is not None:
                self._tell()
        finally:
            self._given = {}


def _runs_eagerly() -> bool:
    import tensorflow as tf

    eagerly: bool = tf.executing_eagerly()
    return eagerly

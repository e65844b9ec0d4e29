"""What a compiled step of TensorFlow leaves behind for callbacks: its gradients, and the weights before it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any


class StepCopies:
    """Variables on the device that a compiled step writes; of several replicas gradients are summed, as Keras does.

    Args:
        model: whose replicas they belong to.
        trained: the trainable variables by name.
    """

    def __init__(self, model: Any, trained: Mapping[str, Any]) -> None:
        import tensorflow as tf

        aggregation = tf.VariableAggregation
        strategy = getattr(model, "distribute_strategy", None)
        with strategy.scope() if strategy is not None else nullcontext():
            self._gradients = {name: _like(one, aggregation.SUM) for name, one in trained.items()}
            self._weights = {name: _like(one, aggregation.ONLY_FIRST_REPLICA) for name, one in trained.items()}
        self._trained = dict(trained)
        self._written: set[str] = set()

    def write(self, gradients: Mapping[str, Any], share: float, *, begins: Any) -> None:
        """Have the step that is being compiled copy.

        Args:
            gradients: by name.
            share: what a gradient counts of its mean.
            begins: whether a mean begins here: a bool, or a tensor of one.
        """
        import tensorflow as tf

        self._written |= set(gradients)
        for name, gradient in gradients.items():
            copy = self._gradients[name]
            # The gradients of an embedding come as slices.
            value = tf.cast(tf.convert_to_tensor(gradient), copy.dtype) * share
            if begins is not True:
                value += tf.where(begins, tf.zeros_like(value), copy)
            copy.assign(value)
            self._weights[name].assign(tf.convert_to_tensor(self._trained[name].value))

    @property
    def gradients(self) -> Mapping[str, Any]:
        """The gradients of the newest step, of the variables that have one."""
        return {name: copy for name, copy in self._gradients.items() if name in self._written}

    @property
    def weights(self) -> Mapping[str, Any]:
        """The weights before it."""
        return {name: copy for name, copy in self._weights.items() if name in self._written}


def _like(variable: Any, aggregation: Any) -> Any:
    import tensorflow as tf

    return tf.Variable(
        tf.zeros(variable.shape, variable.dtype),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=aggregation,
    )

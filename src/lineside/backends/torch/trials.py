"""Trying a training step of the native trainer on batches of any size."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lineside.backends.torch.batches import batch_size
from lineside.backends.torch.loader import ResumableLoader
from lineside.backends.torch.memory import is_out_of_memory, release
from lineside.backends.torch.resizing import resized
from lineside.backends.torch.stepping import Optimization
from lineside.errors import RequestRefused

log = logging.getLogger("lineside")


class TorchTrials:
    """Steps of training on the samples of one real batch.

    Args:
        batch: a batch as the loader gave it.
        most: samples in an epoch, where known.
        optimization: steps the optimizers.
        backward: runs the forward and the backward pass of a batch.
        device: where they run.

    Attributes:
        samples: samples in the batch.
        most: as given.
    """

    def __init__(
        self,
        batch: Any,
        most: int | None,
        optimization: Optimization,
        backward: Callable[[Any], None],
        device: torch.device,
    ) -> None:
        self.samples = batch_size(batch)
        self.most = most
        self._batch = batch
        self._optimization = optimization
        self._backward = backward
        self._device = device
        # The gradients of one batch must fit beside the activations of the next, where batches are accumulated.
        self._passes = min(2, optimization.accumulate)

    def step(self, samples: int) -> float | None:
        """Train one step; return the seconds that a batch took, or None if there was not memory enough."""
        try:
            return self._timed(samples)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Only here, behind the clause, is the traceback gone, whose frames hold the tensors of the step.
        self._optimization.abandon()
        release()
        return None

    def _timed(self, samples: int) -> float:
        batch = resized(self._batch, samples)
        self._wait()
        start = time.perf_counter()
        for _ in range(self._passes):
            self._backward(batch)
        if self._optimization.pending:
            self._optimization.step()
        self._wait()
        return (time.perf_counter() - start) / self._passes

    def _wait(self) -> None:
        if self._device.type != "cpu":
            torch.accelerator.synchronize()


@contextmanager
def trials(
    loader: Any, optimization: Optimization, backward: Callable[[Any], None], device: torch.device
) -> Iterator[TorchTrials]:
    """Take a batch from a loader and try steps on it; gradients are put back at the end.

    Raises:
        RequestRefused: the loader gives each batch only once, or none at all.
    """
    batch, most = _first_batch(loader)
    gradients = [(parameter, parameter.grad) for parameter in optimization.parameters]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        yield TorchTrials(batch, most, optimization, backward, device)
    finally:
        optimization.abandon()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        release()


def _first_batch(loader: Any) -> tuple[Any, int | None]:
    """Return a batch, and about how many samples there are, without taking anything from the training."""
    if isinstance(loader, Iterator):
        raise RequestRefused(
            "The training data is an iterator, and a batch that is tried would be missing in the training: give the "
            "object that iter() was called on."
        )
    source = ResumableLoader(loader, 0, "train")
    if source.inexact_reason is not None:
        log.warning("Reading a batch to try is not without trace: %s.", source.inexact_reason)
    place, feed = source.state(), source.batches(0)
    try:
        batch = next(feed, None)
    finally:
        feed.close()  # type: ignore[attr-defined] # a generator, as all sources give it
        source.close()
        source.load_state(place)
    if batch is None:
        raise RequestRefused("The training data is empty: there is no batch to try.")
    return batch, None if source.length is None else source.length * batch_size(batch)

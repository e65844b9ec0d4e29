"""Training steps that are tried and taken back: how a callback finds out what the machine can bear."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Trials(Protocol):
    """Training steps on real data, made larger or smaller; `TrialsView.trials` takes all of them back."""

    @property
    def samples(self) -> int:
        """Samples in a batch of the training data, as the loader gives it."""

    @property
    def most(self) -> int | None:
        """Samples in an epoch, where known."""

    def step(self, samples: int) -> float | None:
        """Train one step on a batch of so many samples: forward, backward, optimizer.

        The batch is a real one, whose samples are repeated or left out.

        Returns:
            Seconds until the device was done with it; None if there was not memory enough. What was taken has been
            given back then.

        Raises:
            Exception: whatever else the step raises.
        """


class TrialsView(Protocol):
    """The part of `RunView` about trials; inline only, and it needs the ability ``trials``."""

    def trials(self) -> AbstractContextManager[Trials]:
        """Try training steps for a while, before the first batch; afterwards everything is as before, bit for bit.

        That is the model, its buffers and gradients, optimizers, schedulers, scaler, metrics and random generators;
        what the steps log or ask for is heard by nobody. The state is kept on the disk meanwhile, so that it takes no
        memory from the device.

        Raises:
            RequestRefused: the host cannot, or its data is empty or can be read only once.
            RunStateError: within a batch or an evaluation.
            OSError: the state cannot be put aside.
        """


class HostTrials(Protocol):
    """The part of `Host` about trials."""

    def trials(self) -> AbstractContextManager[Trials]:
        """Try training steps; gradients are put back, and nothing else. Raises `RequestRefused`; see `TrialsView`."""

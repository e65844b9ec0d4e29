"""From a loss to a step of the optimizer: mixed precision, accumulation, clipping, schedulers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from lineside.backends.torch.modes import modules_of
from lineside.errors import OptionError, nearest

Precision = Literal["32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Optimization:
    """The optimizers of a model, and everything that happens between a loss and their step.

    Attributes:
        optimizers: as given: one, or a dict of them.
        scheduler: the learning-rate scheduler, or None.
        scaler: scales the loss in fp16 so that small gradients survive; None otherwise.
        parameters: of all modules.
        scale: makes of a loss what is to be propagated back: a share of it where batches are accumulated, larger in
            fp16; None where that is the loss itself.
        mixed: whether forward passes run in a lower precision, inside of `autocast`.
        alone: the only optimizer, if a step is nothing but `step` and `zero_grad` of it; else None.
        pending: gradients wait that have not been stepped with.
    """

    def __init__(
        self,
        model: Any,
        optimizers: Any,
        scheduler: Any,
        device: torch.device,
        *,
        precision: Precision,
        accumulate: int,
        clip_norm: float | None,
    ) -> None:
        if precision not in get_args(Precision):
            raise OptionError(
                f"precision={precision!r}.{nearest(str(precision), get_args(Precision))} Use '32', 'bf16' or 'fp16'."
            )
        if not isinstance(accumulate, int) or accumulate < 1:
            raise OptionError(f"accumulate={accumulate!r} must be a whole number of batches above 0.")
        if clip_norm is not None and not clip_norm > 0:
            raise OptionError(f"clip_norm={clip_norm!r} must be above 0, or None for no clipping.")
        self.optimizers = optimizers
        self.accumulate = accumulate
        self.pending = self._scaled = False
        self._all = list(optimizers.values()) if isinstance(optimizers, Mapping) else [optimizers]
        for optimizer in self._all:
            if not isinstance(optimizer, torch.optim.Optimizer):
                raise OptionError(
                    f"optimizer= takes a torch optimizer or a dict of them, not a {type(optimizer).__name__}."
                )
        self.scheduler, self._interval = _scheduler(scheduler)
        self.scaler = torch.amp.GradScaler(device.type) if precision == "fp16" else None
        self.parameters = [parameter for module in modules_of(model) for parameter in module.parameters()]
        self.scale = self._scale if accumulate > 1 or self.scaler is not None else None
        self._clip_norm = clip_norm
        plain = self.scaler is None and clip_norm is None and self._interval != "step"
        self.alone = self._all[0] if plain and len(self._all) == 1 else None
        dtype, nothing = _DTYPES.get(precision), nullcontext()
        self.mixed = dtype is not None
        self.autocast: Callable[[], AbstractContextManager[Any]] = (
            (lambda: nothing) if dtype is None else partial(torch.autocast, device.type, dtype)
        )

    def _scale(self, loss: torch.Tensor) -> torch.Tensor:
        if self.accumulate > 1:
            loss = loss / self.accumulate
        if self.scaler is not None:
            loss = self.scaler.scale(loss)
            self._scaled = True
        return loss

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of a loss, a share of it when batches are accumulated."""
        self._scale(loss).backward()  # type: ignore[no-untyped-call]
        self.pending = True

    def unscale(self) -> None:
        """Take the scale of fp16 off gradients that are complete: whoever looks at them sees them as they are."""
        if self.scaler is not None and self._scaled:
            self._scaled = False
            for optimizer in self._all:
                self.scaler.unscale_(optimizer)

    def step(self) -> None:
        """Clip, step all optimizers, and forget the gradients. In fp16 a step with infinite gradients is skipped."""
        scaler = self.scaler
        if self._clip_norm is not None:
            self.unscale()
            torch.nn.utils.clip_grad_norm_(self.parameters, self._clip_norm)
        for optimizer in self._all:
            if scaler is not None:
                scaler.step(optimizer)
            else:
                optimizer.step()
            optimizer.zero_grad()
        if scaler is not None:
            scaler.update()
        self.pending = self._scaled = False
        if self._interval == "step":
            self.scheduler.step()

    def abandon(self) -> None:
        """Forget a step that failed halfway, with its gradients."""
        self.pending = self._scaled = False
        for parameter in self.parameters:
            parameter.grad = None
        if self.scaler is not None:
            with suppress(AssertionError):  # it had not come so far as to unscale anything
                self.scaler.update()

    def epoch_ended(self) -> None:
        """Step a scheduler that counts epochs."""
        if self._interval == "epoch":
            self.scheduler.step()


def _scheduler(given: Any) -> tuple[Any, Literal["epoch", "step"] | None]:
    if given is None:
        return None, None
    scheduler, interval = given if isinstance(given, tuple) else (given, None)
    if isinstance(scheduler, ReduceLROnPlateau):
        raise OptionError(
            "scheduler= got torch's ReduceLROnPlateau, which waits for a metric: use 'reduce-lr-on-plateau' as a "
            "callback, which knows the metric, and goes on where it was when the run resumes."
        )
    if not hasattr(scheduler, "step") or not hasattr(scheduler, "state_dict"):
        raise OptionError(f"scheduler= takes a scheduler, or (scheduler, 'step'), not a {type(scheduler).__name__}.")
    if interval not in ("epoch", "step", None):
        raise OptionError(f"scheduler=(…, {interval!r}): say 'epoch' or 'step'.")
    # PyTorch's documentation steps these two after every batch, all others after every epoch.
    per_step = isinstance(scheduler, (OneCycleLR, CyclicLR))
    return scheduler, interval or ("step" if per_step else "epoch")

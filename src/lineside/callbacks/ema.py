"""Average the weights over the steps of the training, and validate with the average."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Unpack

from lineside.callback import Callback, CallbackOptions, Hook, OnError, Ranks
from lineside.errors import AttachError, OptionError
from lineside.events import Event
from lineside.options import check_flags, check_number
from lineside.ports import Capability, RunView
from lineside.units import Duration
from lineside.weights import Average

_EACH_STEP = Duration(1, "steps")


class EMA(Callback):
    """Keeps an exponential moving average of the weights: ``average = decay × average + (1 − decay) × weights``.

    Validations are made with the average, and so checkpoints note; the training itself never sees it. What the metrics
    of a checkpoint were made with is what a restore of the best weights gives back, and what stand-alone weight files
    hold. The average is part of each checkpoint, as ``callbacks/<name>.safetensors`` beside the raw weights.

    A failure ends the run: metrics of other weights than one thinks are worse than none.

    Args:
        decay: how much of the average stays at each update, from 0 to below 1.
        warmup: let the n-th update use ``min(decay, (1 + n) / (10 + n))``, n from 0, so that the first weights are soon
            forgotten (TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``).
        every: how often to update, such as ``"10 steps"``; it is looked at after optimizer steps.
        start: begin after so much training, such as ``"2 epochs"``, from the weights of that moment; at once unless
            given.
        validate_with: validate with the average. If False it is only kept.
        update_buffers: average buffers too, such as the statistics of BatchNorm; those of integers are copied. If False
            the average is validated with the buffers of the model.
        apply_at_end: put the average into the model at the end of the training.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, or ``background=True``, where there is no model.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"
    needs = frozenset[Capability]({"model", "average"})
    restored_with_weights: ClassVar[bool] = True

    def __init__(
        self,
        decay: float = 0.9999,
        *,
        warmup: bool = True,
        every: str | timedelta | Duration = "1 step",
        start: str | timedelta | Duration | None = None,
        validate_with: bool = True,
        update_buffers: bool = True,
        apply_at_end: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.decay = decay
        self.warmup = warmup
        self.every = Duration.parse(every, "every")
        self.start = Duration.parse(start, "start") if start is not None else None
        self.validate_with = validate_with
        self.update_buffers = update_buffers
        self.apply_at_end = apply_at_end
        super().__init__(**options)
        check_number(self.name, "decay", decay, least=0.0, below=1.0)
        check_flags(
            self.name,
            warmup=warmup,
            validate_with=validate_with,
            update_buffers=update_buffers,
            apply_at_end=apply_at_end,
        )
        self._start_anew()

    def _start_anew(self) -> None:
        self._updates = 0
        self._average: Average | None = None
        self._saved: Mapping[str, Any] | None = None

    def check_options(self) -> None:
        """Check the common options, and that the model is within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no model to average; leave it out.")

    def hooks(self) -> Mapping[Event, Hook]:
        """Look as often as `every` says."""
        every = self.every if self.every != _EACH_STEP else None
        return {**super().hooks(), Event.STEP_END: Hook(self.on_step_end, every)}

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse a second one that validates.

        Raises:
            AttachError: another EMA wants to validate with its weights as well.
        """
        self._start_anew()
        for other in run.callbacks if self.validate_with and run.has_validation is not False else ():
            is_ema = other.enabled and other.kind == type(self).__name__ and other.name != self.name
            if is_ema and other.options["validate_with"]:
                raise AttachError(
                    f"{self.name} and {other.name} both want to validate with weights of their own, and a validation "
                    "has one model: give one of them validate_with=False."
                )

    def on_train_start(self, run: RunView) -> None:
        """Begin, or go on with the average of the checkpoint."""
        self._begin_when_due(run)

    def _begin_when_due(self, run: RunView) -> None:
        if self._saved is None and self.start is not None and self.start.measure(run) < self.start.amount:
            return
        self._average = run.model.average(buffers=self.update_buffers)
        if self._saved is not None:
            self._average.load(self._saved)
            self._saved = None

    def on_step_end(self, run: RunView) -> None:
        """Update the average."""
        if self._average is None:
            self._begin_when_due(run)
            return
        decay = min(self.decay, (1 + self._updates) / (10 + self._updates)) if self.warmup else self.decay
        self._average.update(1.0 - decay)
        self._updates += 1

    def on_val_start(self, run: RunView) -> None:
        """Put the average into the model; the run takes it out, however the validation ends."""
        if self.validate_with and self._average is not None:
            run.validate_with(self._average.tensors)

    def on_train_end(self, run: RunView) -> None:
        """Leave the average in the model, if that is wanted."""
        if self.apply_at_end and self._average is not None:
            run.model.load(self._average.tensors, partial=True)

    def on_teardown(self, run: RunView) -> None:
        """Let go of the memory."""
        self._average = self._saved = None

    def state_dict(self) -> dict[str, Any]:
        """Return how often the average was updated, and whether it has begun."""
        return {"updates": self._updates, "begun": bool(self.state_tensors())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; options are not part of it, so that a resumed run may have others."""
        self._updates = state["updates"]
        if not state["begun"]:
            self._average = self._saved = None

    def state_tensors(self) -> Mapping[str, Any]:
        """Return the average, on the model's devices."""
        return self._average.tensors if self._average is not None else self._saved or {}

    def load_state_tensors(self, tensors: Mapping[str, Any]) -> None:
        """Take it back; in the middle of a training at once, otherwise when the training begins."""
        if self._average is not None:
            self._average.load(tensors)
        else:
            self._saved = tensors

"""Let the learning rate rise at the start of a training."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Unpack, get_args

from lineside.callback import Callback, CallbackOptions, OnError, Ranks
from lineside.errors import AttachError, OptionError, nearest
from lineside.options import check_number
from lineside.ports import Capability, RunView
from lineside.ramps import done_of, ramp
from lineside.units import Duration

Mode = Literal["linear", "exponential", "constant"]


class WarmUp(Callback):
    """Multiplies the learning rate of every group by a factor that rises from `start_factor` to 1, step by step.

    It is Goyal et al. (2017), "Accurate, Large Minibatch SGD", section 2.2: ``"linear"`` is their gradual warm-up, over
    5 epochs, and ``"constant"`` their constant one.

    The factor stands on whatever is scheduled: by a scheduler of the trainer, by `LearningRateScheduler`, or by nobody.
    None of them notices, and a rate that `ReduceLROnPlateau` or an operator sets meanwhile keeps its proportion. The
    factor follows from where the run is, so that a resumed run goes on with it.

    Args:
        duration: how long, such as ``"5 epochs"`` or ``"500 steps"``; epochs are divided by their batches.
        start_factor: the factor of the first step: from 0 to below 1, and above 0 for ``"exponential"``.
        mode: ``"linear"``, ``"exponential"`` (by equal factors), or ``"constant"``.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, `duration` is a time, which would not repeat, or ``background=True``,
            which would be late.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"
    needs = frozenset[Capability]({"schedule_lr"})

    def __init__(
        self,
        duration: str | timedelta | Duration = "5 epochs",
        *,
        start_factor: float = 0.1,
        mode: Mode = "linear",
        **options: Unpack[CallbackOptions],
    ) -> None:
        self._duration = Duration.parse(duration, "duration")
        self.duration = str(self._duration)
        self.start_factor = start_factor
        self.mode: Mode = mode
        super().__init__(**options)
        if self._duration.unit == "seconds":
            raise OptionError(
                f"{self.name}: duration={self.duration!r} is a time, which is another number of steps each time: "
                "give epochs, steps, batches or samples."
            )
        check_number(self.name, "start_factor", start_factor, least=0.0, below=1.0)
        if mode not in get_args(Mode):
            raise OptionError(
                f"{self.name}: mode={mode!r}.{nearest(str(mode), get_args(Mode))} Use 'linear', 'exponential' or "
                "'constant'."
            )
        if mode == "exponential" and start_factor == 0.0:
            raise OptionError(f"{self.name}: start_factor=0.0 has no equal factors up to 1: use mode='linear'.")
        self._start_anew()

    def _start_anew(self) -> None:
        self._over = False
        self._factor = 1.0

    def check_options(self) -> None:
        """Check the common options, and that the rates are within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True would set the rates of later steps; leave it out.")

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_train_start(self, run: RunView) -> None:
        """Go on with the factor of the checkpoint."""
        if self._factor != 1.0:
            run.scale_lr(self._factor)

    def on_batch_start(self, run: RunView) -> None:
        """Set the factor of the step to come.

        Raises:
            AttachError: the duration is in epochs, and nobody knows how many batches an epoch has.
        """
        if self._over:
            return
        if self._duration.unit == "epochs" and run.total_batches is None:
            raise AttachError(
                f"{self.name}: duration={self.duration!r} rises from batch to batch, and this data does not tell "
                "how many batches an epoch has: give the duration in steps, such as '500 steps'."
            )
        share = done_of(self._duration, run)
        self._over = share >= 1.0
        self._factor = ramp(self.mode, self.start_factor, 1.0, share)
        run.scale_lr(self._factor)

    def state_dict(self) -> dict[str, Any]:
        """Return the factor of the last step."""
        return {"factor": self._factor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; which factor comes next follows from the run."""
        self._factor = state["factor"]

"""Change the learning rate by a schedule that is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Unpack, get_args

from lineside.callback import Callback, CallbackOptions, Hook, OnError, Ranks
from lineside.errors import AttachError, OptionError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.options import check_flags, check_number
from lineside.ports import Capability, RunView
from lineside.schedules import Decay, Stepped, Unit, schedule_of
from lineside.units import Duration

_OF_STEPS = frozenset({Event.BATCH_START, Event.STEP_END})


class LearningRateScheduler(Callback):
    """Sets the scheduled learning rate for each epoch or step.

    What `ReduceLROnPlateau` or an operator has set stays on top as a factor, and so does `WarmUp`. A callback that
    schedules the rate from some time on, as `SWA` does, takes over then.

    Args:
        schedule: one of these:

            - ``f(epoch)`` returns the rate, or a dict of rates by group; epochs are counted from 0, as in Keras;
            - ``f(epoch, lr)`` is called for each group with the rate that is scheduled now;
            - a scheduler, such as those of `torch.optim.lr_scheduler`, is stepped here, and its state is saved;
            - ``f(optimizer)`` returns a scheduler for an optimizer; the first parameter must be called ``optimizer``,
              as in ``lambda optimizer: CosineAnnealingLR(optimizer, 20)``;
            - ``"cosine"``, ``"linear"`` or ``"exponential"`` goes from the first rate down to `final_factor` of it.
        unit: ``"epoch"`` or ``"step"``: what is counted, and how often the rate changes. Epochs unless given, but steps
            for ``OneCycleLR`` and ``CyclicLR`` of torch.
        duration: of a named schedule, such as ``"20 epochs"``; the whole training unless given.
        final_factor: of a named schedule: the last rate as a share of the first. 0.0 unless given, and 0.01 for
            ``"exponential"``, which never arrives at 0.
        verbose: tell people of the rate of each epoch, by an alert of level info.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range or does not belong to this kind of schedule, or ``background=True``,
            which would be late.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"
    needs = frozenset[Capability]({"schedule_lr"})

    def __init__(
        self,
        schedule: Any,
        unit: Unit | None = None,
        *,
        duration: str | timedelta | Duration | None = None,
        final_factor: float | None = None,
        verbose: bool = False,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.schedule = schedule
        self.unit = unit
        self.duration = duration
        self.final_factor = final_factor
        self.verbose = verbose
        super().__init__(**options)
        check_flags(self.name, verbose=verbose)
        if unit is not None and unit not in get_args(Unit):
            raise OptionError(f"{self.name}: unit={unit!r}.{nearest(str(unit), get_args(Unit))} Use 'epoch' or 'step'.")
        if final_factor is not None:
            check_number(self.name, "final_factor", final_factor, least=0.0)
        length = Duration.parse(duration, "duration") if duration is not None else None
        self._plan = schedule_of(self.name, schedule, unit, length, final_factor)
        self._start_anew()

    def _start_anew(self) -> None:
        self._last: dict[str, float] = {}
        self._taken_over = False
        self._step: int | None = None
        self._told: dict[str, float] = {}

    def check_options(self) -> None:
        """Check the common options, and that the rates are within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True would set the rates of later steps; leave it out.")

    def hooks(self) -> Mapping[Event, Hook]:
        """Look at each batch only if the rate may change with it."""
        made_later = isinstance(self._plan, Stepped) and self.unit is None
        unused = _OF_STEPS if self._unit == "epoch" and not made_later else frozenset()
        return {event: hook for event, hook in super().hooks().items() if event not in unused}

    @property
    def _unit(self) -> Unit:
        return self._plan.unit if isinstance(self._plan, Stepped) else self.unit or "epoch"

    def on_setup(self, run: RunView) -> None:
        """Begin anew, and refuse a second master.

        Raises:
            AttachError: somebody else schedules the rate as well.
        """
        self._start_anew()
        others = [one.name for one in run.callbacks if one.enabled and one.kind == type(self).__name__]
        others.remove(self.name)
        if masters := [*run.schedulers, *others]:
            raise AttachError(
                f"{self.name} schedules the learning rate, and so does {' and '.join(masters)}: one of them has to go, "
                "such as scheduler= of the trainer."
            )
        self._plan.begin(run)

    def on_train_start(self, run: RunView) -> None:
        """Refuse a training without an optimizer.

        Raises:
            AttachError: there is none to make a scheduler for.
        """
        if isinstance(self._plan, Stepped):
            self._plan.check()

    def on_epoch_start(self, run: RunView) -> None:
        """Set the rate of the epoch."""
        if self._unit == "epoch":
            self._set(run)
        if self.verbose and (rates := dict(run.lr)) != self._told:
            self._told = rates
            told = ", ".join(f"{rate:g}" if len(rates) == 1 else f"{group}: {rate:g}" for group, rate in rates.items())
            title = text(f"Learning rate of epoch {run.epoch + 1}", f"第 {run.epoch + 1} 轮的学习率")
            run.alert(title, told, "info", durable=False)

    def on_batch_start(self, run: RunView) -> None:
        """Set the rate of the step to come."""
        if self._unit == "step" and run.step != self._step:
            self._step = run.step
            self._set(run)

    def on_step_end(self, run: RunView) -> None:
        """Step a scheduler that counts steps."""
        if isinstance(self._plan, Stepped) and self._unit == "step":
            self._plan.step()

    def on_epoch_end(self, run: RunView) -> None:
        """Step a scheduler that counts epochs."""
        if isinstance(self._plan, Stepped) and self._unit == "epoch":
            self._plan.step()

    def _set(self, run: RunView) -> None:
        if isinstance(self._plan, Stepped) or self._taken_over:
            return
        now = run.scheduled_lr
        # A rate may be a tensor in single precision, which does not give back what was written.
        if any(not math.isclose(now.get(group, rate), rate, rel_tol=1e-6) for group, rate in self._last.items()):
            self._taken_over = True
            run.alert(
                text(f"{self.name} schedules no more", f"{self.name} 不再调整学习率"),
                text("Somebody else schedules the learning rate now.", "现在由其他方调整学习率。"),
                "info",
                durable=False,
            )
            return
        self._last = dict(self._plan.rates(run))
        for group, rate in self._last.items():
            run.schedule_lr(rate, group)

    def state_dict(self) -> dict[str, Any]:
        """Return which rates were set last, and from which a named schedule began."""
        first = self._plan.first if isinstance(self._plan, Decay) else None
        return {"first": first, "last": dict(self._last), "taken_over": self._taken_over, "told": dict(self._told)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; a scheduler's own state comes back with the host's."""
        self._last, self._taken_over = dict(state["last"]), state["taken_over"]
        self._told = dict(state["told"])
        if isinstance(self._plan, Decay) and state["first"] is not None:
            self._plan.first = dict(state["first"])

"""Save checkpoints: the best, the last, and whatever else is to stay."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from lineside.callback import CallbackOptions, Hook
from lineside.checkpoints.retention import EveryNthEpoch, KeepBest, KeepLast, OnePerInterval
from lineside.checkpoints.template import Template
from lineside.errors import AttachError, MonitorError, OptionError, TemplateError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.metrics import MetricPoint, canonical
from lineside.monitor import Mode, direction
from lineside.options import check_number, check_whole
from lineside.ports import RunView
from lineside.units import Duration, Trigger
from lineside.watcher import Watcher

_COUNTS = ("epoch", "step", "batch", "samples")
_FINAL_FORMATS = ("saved_model",)


class ModelCheckpoint(Watcher):
    """Saves at an interval and whenever a metric is among the best, and says which checkpoints stay.

    A value counts as the best only at the step at which it was computed, so the best checkpoint holds the very weights
    that gave it, also when validation takes place in the middle of an epoch. This callback is never disabled: a save
    that fails is an alert, and the next one is tried.

    Args:
        filepath: template of a stand-alone weight file to be written beside the checkpoint, such as
            ``"models/ep{epoch:02d}_{val_loss:.3f}.safetensors"``, at every periodic save, or with `save_best_only` at
            every best one. Epoch, step and batch count from 1. A metric stands for the value of this very step.
        monitor: the metric that decides what is best; None for no best, only periodic saves.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        keep_best: how many of the best stay.
        keep_last: how many of the newest stay.
        keep_every_nth_epoch: the newest of each n-th epoch stays, too.
        keep_one_per: one checkpoint of each such interval of wall time stays, too: ``"6 h"``.
        every: how often to save: ``"1 epoch"``, ``"500 steps"``, ``"10 min"``.
        save_best_only: save nothing but the best.
        save_weights_only: leave out what a resume needs. (A resumable one is still saved when the run ends.)
        threshold: a value has to be better than this to count as the best at all.
        final_format: ``"saved_model"`` exports the model as a SavedModel of TensorFlow, into the directory
            ``saved_model`` of the run, when the training has ended: with the weights that it leaves behind, which are
            the best ones with ``EarlyStopping(restore_best_weights=True)``. Keras only.
        options: the common ones of all callbacks.

    Attributes:
        best: the best value so far, or None.
        exported: where the final format stands; None until then.

    Raises:
        OptionError: an option is out of range, or two contradict each other.
        TemplateError: `filepath` is no sound template.
    """

    disable_after: ClassVar[int | None] = None

    def __init__(
        self,
        filepath: str | os.PathLike[str] | None = None,
        monitor: str | None = "val/loss",
        *,
        mode: Mode = "auto",
        keep_best: int = 1,
        keep_last: int = 1,
        keep_every_nth_epoch: int | None = None,
        keep_one_per: str | timedelta | Duration | None = None,
        every: str | timedelta | Duration = "1 epoch",
        save_best_only: bool = False,
        save_weights_only: bool = False,
        threshold: float | None = None,
        final_format: Literal["saved_model"] | None = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.filepath = os.fspath(filepath) if filepath is not None else None
        self.weight_files = () if self.filepath is None else (self.filepath,)
        self.keep_best = keep_best
        self.keep_last = keep_last
        self.keep_every_nth_epoch = keep_every_nth_epoch
        self.keep_one_per = Duration.parse(keep_one_per, "keep_one_per") if keep_one_per is not None else None
        self.every = Duration.parse(every, "every")
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.threshold = threshold
        self.final_format = final_format
        super().__init__(monitor, mode, **options)
        if final_format is not None:
            if final_format not in _FINAL_FORMATS:
                raise OptionError(
                    f"{self.name}: final_format={final_format!r} is not known."
                    f"{nearest(str(final_format), _FINAL_FORMATS)} It may be 'saved_model', or None."
                )
            self.needs = frozenset({"saved_model"})
        self._check_numbers()
        self._direction = direction(monitor, mode) if monitor is not None else "min"
        self._check_file()
        self._start_anew()

    def _check_numbers(self) -> None:
        check_whole(self.name, "keep_best", self.keep_best, 0 if self.monitor is None else 1)
        check_whole(self.name, "keep_last", self.keep_last, 0)
        if self.keep_every_nth_epoch is not None:
            check_whole(self.name, "keep_every_nth_epoch", self.keep_every_nth_epoch, 1)
        if self.threshold is not None:
            check_number(self.name, "threshold", self.threshold)
        if self.keep_one_per is not None and self.keep_one_per.unit != "seconds":
            raise OptionError(f"{self.name}: keep_one_per='{self.keep_one_per}' must be a time, such as '6 h'.")
        if self.save_best_only and self.monitor is None:
            raise OptionError(f"{self.name}: save_best_only=True needs a monitor= that says what is best.")

    def _check_file(self) -> None:
        if self.filepath is None:
            return
        of_metrics = [field for field in Template(self.filepath).fields if field not in _COUNTS]
        if of_metrics and not self.save_best_only and self.every.unit != "epochs":
            raise OptionError(
                f"{self.name}: filepath={self.filepath!r} holds {{{of_metrics[0]}}}, which has no value of its own at "
                f"every='{self.every}'. Use {{step}}, or save_best_only=True, or every='1 epoch'."
            )

    def _start_anew(self) -> None:
        self._due = Trigger(self.every)
        self._top: list[float] = []
        self._keeps_best = self._told_no_file = self._over = False
        self.exported: Path | None = None

    @property
    def best(self) -> float | None:
        """The best value so far; None before the first finite one."""
        return self._top[0] if self._top else None

    def check_options(self) -> None:
        """Check the common options, and that the weights of the moment can be saved."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True would save weights of a later moment; leave it out.")

    def hooks(self) -> Mapping[Event, Hook]:
        """Leave the end of batches alone where nothing is saved there."""
        hooks = dict(super().hooks())
        if self.save_best_only or self.every.unit == "epochs":
            del hooks[Event.BATCH_END]
        if self.final_format is None:
            del hooks[Event.TEARDOWN]
        return hooks

    # ---- when ----------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and say what is to stay."""
        super().on_setup(run)
        self._start_anew()
        run.retain(KeepLast(self.keep_last))
        if self.keep_every_nth_epoch is not None:
            run.retain(EveryNthEpoch(self.keep_every_nth_epoch))
        if self.keep_one_per is not None:
            run.retain(OnePerInterval(self.keep_one_per.amount))

    def on_train_start(self, run: RunView) -> None:
        """Refuse what cannot be had in this run.

        Raises:
            MonitorError: the best is decided by a validation that will not happen.
            AttachError: so is a part of the file name.
        """
        try:
            super().on_train_start(run)
        except MonitorError as refusal:
            raise MonitorError(f"{refusal} monitor=None keeps the last checkpoints alone.") from None
        self._keep_best(run)
        for field in Template(self.filepath).fields if self.filepath is not None else ():
            if run.has_validation is False and canonical(field).startswith("val/"):
                raise AttachError(
                    f"{self.name}: filepath={self.filepath!r} holds {{{field}}}, but there is no validation."
                )

    def on_batch_end(self, run: RunView) -> None:
        """Save at an interval of steps, batches, samples or time."""
        if self._due.fires(run):
            self._save_periodically(run)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Save at an interval of epochs."""
        super().on_fit_epoch_end(run)
        if not self.save_best_only and self.every.unit == "epochs" and self._due.fires(run):
            self._save_periodically(run)

    def on_train_end(self, run: RunView) -> None:
        """The training has ended, and was not cut off."""
        super().on_train_end(run)
        self._over = True

    def on_teardown(self, run: RunView) -> None:
        """Write the final format; by now the best weights are back, if somebody asked for that."""
        if self._over:
            exported = run.dir / "saved_model"
            run.model.export_saved_model(exported)
            self.exported = exported

    # ---- what ----------------------------------------------------------------------------------------------------

    def _save_periodically(self, run: RunView) -> None:
        reason = text(f"every {self.every}", f"每 {self.every}")
        run.save(tag="periodic", reason=reason, file=self._file(run), weights_only=self.save_weights_only)

    def decide(self, run: RunView, point: MetricPoint) -> None:
        """Save if the value is among the best."""
        self._keep_best(run)
        rank = self._rank(point.value)
        if rank is None:
            return
        before = self.best
        self._top.insert(rank, point.value)
        del self._top[self.keep_best :]
        reason = f"{self.monitor} = {point.value:g}"
        if rank == 0 and before is not None:
            reason += text(f", better than {before:g}", f"，优于 {before:g}")
        run.save(
            tag="best" if rank == 0 else "top",
            reason=reason,
            file=self._file(run) if self.save_best_only else None,
            weights_only=self.save_weights_only,
        )

    def _rank(self, value: float) -> int | None:
        """Return the place of a value among the best, from 0, or None; of equal values the earlier is the better."""
        sign = 1.0 if self._direction == "min" else -1.0
        # NaN is no measurement, and an infinity could never be beaten.
        if not math.isfinite(value) or (self.threshold is not None and sign * value >= sign * self.threshold):
            return None
        rank = bisect_right(self._top, sign * value, key=lambda other: sign * other)
        return rank if rank < self.keep_best else None

    def _keep_best(self, run: RunView) -> None:
        """Say which are the best as soon as the metric's real name is known: retention knows no aliases."""
        metric = run.metrics.resolve(self.monitor) if self.monitor is not None else None
        if metric is not None and not self._keeps_best:
            self._keeps_best = True
            run.retain(KeepBest(self.keep_best, self._direction, metric))

    def _file(self, run: RunView) -> str | None:
        """Return the path of the stand-alone file; None, with an alert, if a value in it was not computed at this step.

        A name with an older value would tell a lie about the weights.
        """
        if self.filepath is None:
            return None
        points = {name: point for name in run.metrics if (point := run.metrics.point(name)) is not None}
        values = {name: point.value for name, point in points.items() if point.step == run.step}
        counts = {"epoch": run.epoch + 1, "step": run.step, "batch": run.batch + 1, "samples": run.samples}
        try:
            return str(Template(self.filepath, run.metrics.resolve).render(counts | values))
        except TemplateError as error:
            if not self._told_no_file:
                self._told_no_file = True
                run.alert(
                    text("A checkpoint has no stand-alone file", "检查点没有单独的文件"),
                    text(f"Step {run.step}: {error}", f"第 {run.step} 步：{error}"),
                    "error",
                )
            return None

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the best values, and how far the interval has got."""
        return super().state_dict() | {
            "top": list(self._top),
            "every": str(self.every),
            "mark": self._due.mark,
            "told_no_file": self._told_no_file,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; an interval of another length begins anew."""
        super().load_state_dict(state)
        self._top = list(state["top"])[: self.keep_best]
        self._told_no_file = state["told_no_file"]
        if state["every"] == str(self.every):
            self._due.mark = state["mark"]

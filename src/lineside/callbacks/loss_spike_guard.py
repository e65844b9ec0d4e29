"""Go back to the last good checkpoint when the loss spikes or is no number, and on behind the data that caused it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Unpack, get_args

from lineside.callback import Callback, CallbackOptions
from lineside.errors import MonitorError, OptionError, nearest
from lineside.language import text
from lineside.last_good import Kept, LastGood
from lineside.metrics import canonical
from lineside.options import check_number, check_whole
from lineside.ports import Capability, CheckpointView, RunView
from lineside.typical import FEWEST, Typical
from lineside.units import Duration, Trigger

Action = Literal["skip", "lower_lr"]


class LossSpikeGuard(Callback):
    """Rewinds the weights when the loss of the batches spikes or is not finite, at most `max_rollbacks` times.

    Model, optimizer, gradient scaler and averages of the weights go back to a checkpoint from before the trouble. The
    place in the training does not: the step counter, the data and the schedule of the learning rate go on, so that the
    batches behind the checkpoint are passed over, those that caused the trouble among them. That is how PaLM was
    trained ("PaLM: Scaling Language Modeling with Pathways", 2022, section 5.1): restarted about 100 steps before a
    spike, with 200 to 500 batches passed over, "which cover the batches that were seen before and during the spike";
    the spikes did not come again.

    A loss spikes when it is more than `factor` times its usual spread above its median, `patience` looks in a row.
    Usual are the last `window` losses that were no spikes; the spread is the median absolute deviation, scaled to a
    standard deviation, and 5 % of the median at least.

    Two checkpoints are kept, `every` apart. The older one is gone back to: it counts as good because nothing has gone
    wrong for at least `every` behind it. When the rollbacks are used up, the run goes back once more and stops.

    Args:
        monitor: a metric of the training batches.
        check_every: how many optimizer steps lie between two looks. Each look makes the training thread wait for the
            device. The last batch of an epoch is looked at, too, before its validation.
        window: looks that are usual; before the tenth nothing spikes.
        factor: how many times the spread is a spike; None to look for values that are not finite alone.
        patience: spiking looks in a row after which to go back. A value that is not finite is acted on at once.
        check_finite: go back when the loss is NaN or infinite.
        action: ``"skip"``, or ``"lower_lr"`` to multiply all learning rates by `lr_factor` as well.
        lr_factor: for ``"lower_lr"``, between 0 and 1.
        max_rollbacks: how often to go back and on, in the whole run.
        every: how often to save: ``"500 steps"``, ``"1 epoch"``. A time, such as ``"10 min"``, is not repeated exactly
            by a run that resumes.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, or nothing is left to look for.
    """

    def __init__(
        self,
        monitor: str = "train/loss",
        *,
        check_every: str | Duration = "10 steps",
        window: int = 50,
        factor: float | None = 10.0,
        patience: int = 3,
        check_finite: bool = True,
        action: Action = "skip",
        lr_factor: float = 0.5,
        max_rollbacks: int = 3,
        every: str | timedelta | Duration = "500 steps",
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.monitor = monitor
        self.window = window
        self.factor = factor
        self.patience = patience
        self.check_finite = check_finite
        self.action = action
        self.lr_factor = lr_factor
        self.max_rollbacks = max_rollbacks
        super().__init__(**options)
        self.check_every = Duration.parse(check_every, f"{self.name}: check_every")
        self.every = Duration.parse(every, f"{self.name}: every")
        self._check()
        lowers: frozenset[Capability] = frozenset({"set_lr"}) if action == "lower_lr" else frozenset()
        self.needs = lowers | {"restore"}
        self._start_anew()

    def _check(self) -> None:
        if not isinstance(self.monitor, str) or canonical(self.monitor).startswith(("val/", "test/")):
            raise OptionError(
                f"{self.name}: monitor={self.monitor!r} must be a metric of the training batches, such as 'train/loss'."
            )
        if self.check_every.unit != "steps":
            raise OptionError(f"{self.name}: check_every='{self.check_every}' must count steps, such as '10 steps'.")
        if self.action not in get_args(Action):
            raise OptionError(
                f"{self.name}: action={self.action!r}.{nearest(str(self.action), get_args(Action))} Use 'skip' or "
                "'lower_lr'."
            )
        if self.factor is None and not self.check_finite:
            raise OptionError(f"{self.name}: factor=None and check_finite=False leave nothing to look for.")
        if self.factor is not None:
            check_number(self.name, "factor", self.factor, least=1.0)
        check_number(self.name, "lr_factor", self.lr_factor, least=1e-6, below=1.0)
        check_whole(self.name, "window", self.window, FEWEST)
        check_whole(self.name, "patience", self.patience, 1)
        check_whole(self.name, "max_rollbacks", self.max_rollbacks, 0)

    def check_options(self) -> None:
        """Check the common options, and that the weights of the moment can be saved and put back."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True would save weights of a later moment; leave it out.")

    def _start_anew(self) -> None:
        self._usual = Typical(self.window)
        self._kept = LastGood(self.name)
        self._strange = self._rollbacks = self._seen = self._step = 0
        self._look_due, self._save_due = Trigger(self.check_every), Trigger(self.every)
        self._ended = False

    # ---- when ----------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_train_start(self, run: RunView) -> None:
        """Keep a first checkpoint, unless the run goes on and has one."""
        self._step, self._ended = run.step, False
        if run.attempt == 1:
            self._rollbacks = 0  # it may have been taken from the run that this one branches from
        if not self._kept.begin(run):
            self._save_due.skip(run)
            self._keep(run)

    def on_batch_end(self, run: RunView) -> None:
        """Look if the optimizer has stepped, and it is time; what mixed precision skips has changed no weights."""
        stepped, self._step = run.step != self._step, run.step
        if stepped and (self._look_due.fires(run) or run.batch + 1 == run.total_batches):
            self._look(run)

    def on_checkpoint(self, run: RunView, checkpoint: CheckpointView) -> None:
        """Note that a checkpoint of this guard is on the disk."""
        self._kept.note(checkpoint)

    def on_epoch_end(self, run: RunView) -> None:
        """Refuse a metric that no batch has.

        Raises:
            MonitorError: listing the metrics that there are.
        """
        if run.batches_done and run.batch_metrics.resolve(self.monitor) is None:
            there = sorted({*run.batch_metrics, *run.metrics})
            raise MonitorError(
                f"{self.name} monitors {self.monitor!r}, which no training batch has published by epoch "
                f"{run.epoch + 1}.{nearest(self.monitor, there)} There is: {', '.join(there) or 'nothing'}."
            )

    # ---- what ----------------------------------------------------------------------------------------------------

    def _look(self, run: RunView) -> None:
        point = run.batch_metrics.point(self.monitor)
        if self._ended or point is None or point.serial <= self._seen:
            return
        self._seen = point.serial
        if not math.isfinite(point.value):
            if self.check_finite:
                self._go_back(run, text(f"{self.monitor} is {point.value}", f"{self.monitor} 为 {point.value}"))
        elif self.factor is not None and self._usual.spikes(point.value, self.factor):
            self._strange += 1
            if self._strange >= self.patience:
                usual = f"{self._usual.median:.4g} ± {self._usual.spread:.2g}"
                self._go_back(
                    run,
                    text(
                        f"{self.monitor} is {point.value:.4g}, and {usual} is usual",
                        f"{self.monitor} 为 {point.value:.4g}，平常为 {usual}",
                    ),
                )
        else:
            self._strange = 0
            self._usual.add(point.value)
            if self._save_due.fires(run):
                self._keep(run)

    def _keep(self, run: RunView) -> None:
        self._kept.keep(run, text("to go back to if the loss spikes", "供损失突增时回退"), self._usual.values)

    def _go_back(self, run: RunView, trouble: str) -> None:
        good = self._kept.good
        goes_on = good is not None and self._rollbacks < self.max_rollbacks
        reason = self._reason(run, trouble, good, goes_on=goes_on)
        title = text("The loss has gone wrong", "损失异常")
        run.alert(title, reason, "warning" if goes_on else "error")
        if good is not None:
            run.restore(good.tag, reason, weights_only=False)
            self._usual = Typical(self.window, good.usual)
        if goes_on:
            self._rollbacks += 1
            for group, rate in run.lr.items() if self.action == "lower_lr" else ():
                run.set_lr(rate * self.lr_factor, group, reason)
        else:
            self._ended = True
            run.stop(reason)
        self._strange = 0
        self._kept.forget_newer()

    def _reason(self, run: RunView, trouble: str, good: Kept | None, *, goes_on: bool) -> str:
        at = text(f"{trouble} at step {run.step}", f"第 {run.step} 步：{trouble}")
        if good is None:
            return text(f"{at}; there is no checkpoint to go back to", f"{at}；没有可以回退的检查点")
        back = text(f"{at}; back to step {good.step}", f"{at}；回退到第 {good.step} 步")
        if not goes_on:
            used = self._rollbacks
            return text(f"{back} and no further (rollbacks: {used})", f"{back}，不再继续（已回退 {used} 次）")
        count = f"{self._rollbacks + 1}/{self.max_rollbacks}"
        lowered = (
            text(f", learning rate × {self.lr_factor:g}", f"，学习率 × {self.lr_factor:g}")
            if self.action == "lower_lr"
            else ""
        )
        skipped = f"{good.step + 1}–{run.step}"
        return text(
            f"{back}, past the data of steps {skipped}{lowered} (rollback {count})",
            f"{back}，跳过第 {skipped} 步的数据{lowered}（回退 {count}）",
        )

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what is usual, which checkpoints are kept, and how often the run went back."""
        return {
            "usual": self._usual.values,
            "strange": self._strange,
            "rollbacks": self._rollbacks,
            "seen": self._seen,
            "kept": self._kept.state_dict(),
            "look_due": self._look_due.mark,
            "save_due": self._save_due.mark,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._usual = Typical(self.window, state["usual"])
        self._strange, self._rollbacks, self._seen = state["strange"], state["rollbacks"], state["seen"]
        self._kept.load_state_dict(state["kept"])
        self._look_due.mark, self._save_due.mark = state["look_due"], state["save_due"]

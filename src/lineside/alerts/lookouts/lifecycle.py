"""The beginning and the end of a run."""

from __future__ import annotations

from collections.abc import Mapping

from lineside.alerts.lookout import Lookout
from lineside.alerts.verdict import Verdict
from lineside.callback import Hook
from lineside.events import Event
from lineside.language import text
from lineside.ports import RunView


class Lifecycle(Lookout):
    """Tells once that a run has finished, failed or been resumed, with the numbers that it ended with."""

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the one hook that the rule is about; a process that has died calls none."""
        match self.rule.kind:
            case "run-finished":
                return {Event.TRAIN_END: Hook(self._finished)}
            case "run-failed":
                return {Event.EXCEPTION: Hook(self._failed)}
            case "run-resumed":
                return {Event.TRAIN_START: Hook(self._resumed)}
            case _:
                return {}

    def _finished(self, run: RunView) -> None:
        reason = run.reason or text("it is over", "训练结束")
        self.tell(run, Verdict.yes(text(f"Training has finished: {reason}", f"训练完成：{reason}"), _numbers(run)))

    def _failed(self, run: RunView, error: BaseException) -> None:
        # The message of the error stands in the log. It may hold anything, and this goes to other machines.
        kind = type(error).__name__
        self.tell(
            run,
            Verdict.yes(
                text(f"Training has failed: {kind}", f"训练失败：{kind}"),
                text("The log has the traceback.", "完整信息见日志。"),
            ),
        )

    def _resumed(self, run: RunView) -> None:
        if run.attempt > 1:
            self.tell(
                run,
                Verdict.yes(
                    text(f"Training goes on at step {run.step}", f"训练从第 {run.step} 步继续"),
                    text(f"This is attempt {run.attempt}.", f"这是第 {run.attempt} 次尝试。"),
                ),
            )


def _numbers(run: RunView) -> str:
    losses = [name for name in run.metrics if name.startswith(("train/", "val/"))]
    return ", ".join(f"{name} {run.metrics[name]:.4g}" for name in losses[:6])

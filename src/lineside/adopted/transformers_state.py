"""What stands in for `TrainerState` and `TrainerControl` of Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lineside.adopted.stand_in import StandIn
from lineside.ports import RunView


class TrainerState(StandIn):
    """Where the training stands."""

    def __init__(self, run: RunView, owner: str, score: Score) -> None:
        super().__init__(run, owner, "state")
        self._score = score
        self._batches: int | None = None

    def _per_epoch(self) -> int | None:
        # In an evaluation the run tells of that one's batches.
        if self._run.stage == "train" and self._run.total_batches:
            self._batches = self._run.total_batches
        return self._batches

    @property
    def epoch(self) -> float:
        """Epochs that are done, with the part of the present one where the number of its batches is known."""
        done, batches = self._run.epochs_done, self._per_epoch()
        return float(max(done, min(done + 1, self._run.batches_done / batches))) if batches else float(done)

    @property
    def global_step(self) -> int:
        """Optimizer steps so far."""
        return self._run.step

    @property
    def max_steps(self) -> int:
        """Planned optimizer steps; 0 where the host does not know them, as with Hugging Face before a training."""
        return self._run.total_steps or 0

    @property
    def num_train_epochs(self) -> int:
        """Planned epochs; 0 where the host does not know them."""
        return self._run.total_epochs or 0

    @property
    def log_history(self) -> list[dict[str, float]]:
        """What ``on_log`` was given so far."""
        return self._score.history

    @property
    def best_metric(self) -> float | None:
        """The best value of ``args.metric_for_best_model`` before the present evaluation."""
        return self._score.best

    @property
    def best_global_step(self) -> int | None:
        """The step of the best value."""
        return self._score.best_step

    @property
    def is_local_process_zero(self) -> bool:
        """Whether this is the first process."""
        return self._run.rank == 0

    @property
    def is_world_process_zero(self) -> bool:
        """Whether this is the first process."""
        return self._run.rank == 0

    @property
    def is_hyper_param_search(self) -> bool:
        """Never, here."""
        return False


class Score:
    """What Hugging Face's trainer counts, beside what a run knows: the best value, and what was logged."""

    def __init__(self) -> None:
        self.best: float | None = None
        self.best_step: int | None = None
        self.history: list[dict[str, float]] = []

    def see(self, value: float | None, step: int, *, greater_is_better: bool) -> None:
        """Look at a value of the metric that decides. NaN is never the best."""
        if value is None or math.isnan(value):
            return
        if self.best is None or (value > self.best if greater_is_better else value < self.best):
            self.best, self.best_step = value, step

    def state_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {"best": self.best, "best_step": self.best_step, "history": [dict(one) for one in self.history]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put it back, in place."""
        self.best, self.best_step = state["best"], state["best_step"]
        self.history[:] = [dict(one) for one in state["history"]]


FLAGS = ("should_training_stop", "should_epoch_stop", "should_save", "should_evaluate", "should_log")


class TrainerControl(StandIn):
    """The switches that a callback sets; the adopted callback looks at them after each hook."""

    _writable: ClassVar[frozenset[str]] = frozenset(FLAGS)

    def __init__(self, run: RunView, owner: str) -> None:
        super().__init__(run, owner, "control")
        self.should_training_stop = self.should_epoch_stop = False
        self.should_save = self.should_evaluate = self.should_log = False


def taken(control: Any, flag: str, refuse: Callable[[], Exception] | None = None) -> bool:
    """Return a switch and put it back; with `refuse` it cannot be obeyed, and its error is raised."""
    if not getattr(control, flag):
        return False
    setattr(control, flag, False)
    if refuse is not None:
        raise refuse()
    return True

"""Callbacks that save checkpoints, and go back to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lineside.callback import Callback
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.testing.catalogue.proof import STEPS, Proof
from lineside.testing.catalogue.witness import WATCHED, apart
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES


class SavesTheBest(Proof):
    """The third epoch is the best: it leaves a file that the framework loads by itself, and takes that of the first."""

    name = "model-checkpoint"
    shows = "commits the best, which verifies, with a stand-alone file that loads and holds the validated weights"
    scores = (0.5, 0.6, 0.3, 0.4)
    weights = True

    def make(self, **options: Any) -> Callback:
        """Return one that writes files of the host's own kind."""
        template = str(self.place / "models" / f"best_{{epoch:02d}}{self.host.weight_suffix}")
        return self._new(filepath=template, monitor=WATCHED, mode="min", save_best_only=True, **options)

    def make_room(self) -> None:
        """Take the files away: a run writes over none of another run."""
        (self.place / "models").rename(self.place / "models of before")

    def check(self) -> None:
        """Look at the file and at the checkpoint."""
        self.steps()
        files, right = sorted(self.place.glob("models/*")), f"best_03{self.host.weight_suffix}"
        require([one.name for one in files] == [right], f"There is {[one.name for one in files]}, not {right}.")
        far = apart(self.host.load_weights(files[0]), self.witness.validating[2])
        require(far <= 1e-3, f"{right} is {far:g} apart from the weights of that validation.")
        best = [one for one in self.witness.checkpoints if "best" in one.tags][-1]
        checkpoint = Checkpoint.open(best.path)
        checkpoint.verify()
        require((checkpoint.epoch, checkpoint.step) == (2, 3 * BATCHES), f"The best is of step {checkpoint.step}.")
        require(checkpoint.metrics[WATCHED].value == 0.3, f"The best is {checkpoint.metrics[WATCHED].value}.")


class GoesBack(Proof):
    """Behind a loss that is no number the weights are those of an earlier checkpoint, and the training goes on."""

    name = "loss-spike-guard"
    shows = "puts weights from before a loss that is no number back, and trains on"
    options: Mapping[str, Any] = {"check_every": "1 step", "every": "2 steps"}
    wrong: ClassVar[int] = 2 * BATCHES + 3
    losses: Mapping[int, float] = {wrong: float("nan")}
    weights = True

    def check(self) -> None:
        """Look at the weights behind the batch."""
        self.steps(STEPS)
        behind, earlier = self.witness.before[self.wrong], range(1, self.wrong - 1)
        require(apart(behind, self.witness.after[self.wrong]) > 1e-7, "The weights were kept.")
        nearest = min(apart(behind, self.witness.after[step]) for step in earlier)
        require(nearest <= 1e-7, f"The weights are {nearest:g} apart from any that there were.")
        require(any("went wrong" in one.title or "gone wrong" in one.title for one in self.witness.alerts), "No alert.")

"""Callbacks that put other weights into the model, or leave some as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lineside.testing.catalogue.proof import EPOCHS, STEPS, Proof
from lineside.testing.catalogue.witness import Weights, apart
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES

_DECAY = 0.5
_CLOSE = 1e-5


class AveragesEachStep(Proof):
    """Validations and the end have the moving average, the training has not."""

    name = "ema"
    shows = "validates with the moving average of the steps, trains with the raw weights, and ends with the average"
    options: Mapping[str, Any] = {"decay": _DECAY, "warmup": False}
    weights = True

    def check(self) -> None:
        """Compute the average from what the witness saw."""
        self.steps()
        seen, average = self.witness, dict(self.witness.started)
        for step in range(1, STEPS + 1):
            now = seen.after[step]
            average = {name: _DECAY * average[name] + (1.0 - _DECAY) * now[name] for name in average}
            if step % BATCHES == 0:
                epoch = step // BATCHES - 1
                _same(f"The validation of epoch {epoch}", seen.validating[epoch], average)
                _same(f"The training behind epoch {epoch}", seen.before.get(step, now), now)
        _same("The end", seen.ended, average)


class AveragesEpochs(Proof):
    """The end has the mean of the last two epochs, and a checkpoint of its own."""

    name = "swa"
    variant = "update_bn=False"
    shows = "ends with the mean of the last epochs, in a checkpoint of its own"
    options: Mapping[str, Any] = {"start": f"{EPOCHS - 2} epochs", "update_bn": False}
    weights = True

    def check(self) -> None:
        """Compute the mean from what the witness saw."""
        self.steps()
        _same("The end", self.witness.ended, _mean([self.witness.trained[epoch] for epoch in (EPOCHS - 2, EPOCHS - 1)]))
        require(any("swa" in one.tags for one in self.witness.checkpoints), "The mean has no checkpoint.")


class UpdatesBatchNorm(AveragesEpochs):
    """As above, with a pass over the training data, where the host has one to make."""

    variant = ""
    options: Mapping[str, Any] = {"start": f"{EPOCHS - 2} epochs"}


class Freezes(Proof):
    """Biases stay as they are for two epochs, and are trained from then on."""

    name = "freeze-unfreeze"
    shows = "what is frozen stays bit for bit as it is, and is trained once it is due"
    options: Mapping[str, Any] = {"freeze": "*bias", "unfreeze": {"2 epochs": "*bias"}}
    weights = True

    def check(self) -> None:
        """Look at the biases, and at something else."""
        self.steps()
        seen = self.witness
        first, frozen, last = seen.started, seen.after[2 * BATCHES], seen.after[STEPS]
        biases = [name for name in first if fnmatchcase(name, "*bias")]
        require(bool(biases), f"Nothing is called a bias: {list(first)}")
        require(all((first[name] == frozen[name]).all() for name in biases), "What is frozen was trained.")
        require(
            any((first[name] != frozen[name]).any() for name in first if name not in biases), "Nothing was trained."
        )
        require(any((frozen[name] != last[name]).any() for name in biases), "What is not frozen any more stayed.")


def _mean(several: Sequence[Weights]) -> Weights:
    return {name: sum(one[name] for one in several) / len(several) for name in several[0]}


def _same(what: str, seen: Weights, right: Weights) -> None:
    far = apart(seen, right)
    require(far <= _CLOSE, f"{what} has weights that are {far:g} apart from the right ones.")

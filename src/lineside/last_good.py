"""The last good checkpoint: one behind which nothing has gone wrong for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lineside.ports import CheckpointView, RunView


@dataclass(slots=True)
class Kept:
    """A checkpoint that a callback has asked for.

    Attributes:
        tag: by which it is found.
        step: when it was made.
        pin: which of the two pins holds it.
        usual: what the callback knew then.
        committed: it is on the disk.
    """

    tag: str
    step: int
    pin: int
    usual: list[float]
    committed: bool = False


class LastGood:
    """Two checkpoints of one callback. The newer one becomes the good one when it asks for the next.

    Until then nobody knows: trouble that shows later may already be in it.

    Args:
        owner: the name of the callback.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._good: Kept | None = None
        self._newer: Kept | None = None

    @property
    def good(self) -> Kept | None:
        """The good one; None as long as there is none on the disk."""
        return self._good if self._good is not None and self._good.committed else None

    def begin(self, run: RunView) -> bool:
        """Tell, at the start of a training, whether there is one to go back to; a run that branches has none."""
        if run.attempt == 1:
            self._good = self._newer = None
        for kept in (self._good, self._newer):
            if kept is not None and kept.step == run.step:
                kept.committed = True  # the run goes on from it, or from one of the same moment
        return self._good is not None

    def keep(self, run: RunView, reason: str, usual: list[float]) -> None:
        """Ask for a checkpoint; nothing has gone wrong behind the one before. The very first is good as it is."""
        if self._newer is not None and self._newer.committed:
            self._good = self._newer
        pin = 0 if self._good is None else 1 - self._good.pin
        kept = Kept(f"{self._owner}-{run.step}", run.step, pin, usual)
        run.save(kept.tag, reason, pin=f"{self._owner}-{pin}")
        if self._good is None:
            self._good = kept
        else:
            self._newer = kept

    def note(self, checkpoint: CheckpointView) -> None:
        """Note that a checkpoint is on the disk. One that was late, after a failure, is of another moment."""
        for kept in (self._good, self._newer):
            if kept is not None and kept.tag in checkpoint.tags and kept.step == checkpoint.step:
                kept.committed = True

    def forget_newer(self) -> None:
        """Something has gone wrong behind the newer one, or before."""
        self._newer = None

    def state_dict(self) -> dict[str, Any]:
        """Return both, as plain data."""
        kept = {"good": self._good, "newer": self._newer}
        return {name: asdict(one) if one is not None else None for name, one in kept.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        self._good, self._newer = (Kept(**one) if one is not None else None for one in (state["good"], state["newer"]))

"""`Sink`: a background callback that writes records elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lineside.callback import Callback
from lineside.errors import OptionError
from lineside.ports import LogRow, MediumKind, RunView


@dataclass(frozen=True, slots=True)
class Medium:
    """A text, figure, image or file that somebody logged.

    `data` is a text; for figures and images PNG bytes; for artifacts a path.
    """

    kind: MediumKind
    tag: str
    data: Any
    step: int
    epoch: int
    time: float


@dataclass(frozen=True, slots=True)
class Records:
    """What was logged since the last call, in order; all values are Python numbers.

    Batch values stand under ``batch/<metric>``, values of the epoch under their canonical names.
    """

    rows: Sequence[LogRow] = field(default_factory=tuple)
    media: Sequence[Medium] = field(default_factory=tuple)


class Sink(Callback):
    """Writes what is logged to a file, a server or a tracker, in the background.

    `write` is called from the sink's own thread, between the hooks, in the order in which things happened. A resumed
    run says in ``on_train_start`` (``run.attempt > 1``) from which ``run.step`` it goes on: records after that step
    are superseded, and a sink rewinds to it or says that it cannot.
    """

    background = True

    def check_options(self) -> None:
        """Refuse ``background=False``; see `Callback.check_options`."""
        super().check_options()
        if not self.background:
            raise OptionError(f"{self.name}: background=False: a sink writes from a thread of its own. Leave it out.")

    def on_setup(self, run: RunView) -> None:
        """Give `write` a run before anything is written, to sinks that have no hooks of their own as well."""

    def on_train_start(self, run: RunView) -> None:
        """Give `write` the run as it was restored."""

    def write(self, records: Records, run: RunView) -> None:
        """Write records; `run` is the snapshot of the last event that this sink has seen."""
        raise NotImplementedError(f"{type(self).__name__} must define write(records, run)")

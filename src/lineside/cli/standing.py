"""How a run stands, as it can be told from outside: what it wrote, whether its process lives, how long it is silent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

from rich.text import Text

from lineside.cli.amounts import ago
from lineside.cli.terminal import printable
from lineside.errors import StoreError
from lineside.language import text
from lineside.store.directory import RunDirectory
from lineside.store.liveness import SILENT, is_dead
from lineside.store.run_record import RunRecord, Status

State = Status | Literal["paused", "killed"]

STATES: Final[tuple[State, ...]] = ("running", "paused", "completed", "stopped", "interrupted", "failed", "killed")
_LIVE: Final = ("running", "paused")
_STYLES: Final[Mapping[State, str]] = {
    "running": "green",
    "paused": "yellow",
    "completed": "blue",
    "stopped": "blue",
    "interrupted": "yellow",
    "failed": "red",
    "killed": "red",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands.

    Attributes:
        state: what the run wrote; ``killed`` where it says that it is running and its process is gone; ``paused``.
        reason: why it ended, in the run's words.
        silence: seconds since its last heartbeat, as this machine's clock has it.
    """

    state: State
    reason: str | None
    silence: float

    @classmethod
    def of(cls, run: RunDirectory, record: RunRecord) -> Self:
        """Look at a run now; `record` is what its `read_record` returned a moment ago."""
        silence = abs(time.time() - record.updated)  # a heartbeat in the future is no sign of life either
        state: State = record.status
        if state == "running":
            state = (
                "killed"
                if is_dead(run, record, silence)
                else "paused"
                if _is_paused(run, record.attempt)
                else "running"
            )
        return cls(state, record.reason if state not in _LIVE else None, silence)

    @property
    def live(self) -> bool:
        """Whether a process trains the run, or waits in a pause."""
        return self.state in _LIVE

    @property
    def died(self) -> bool:
        """Whether it ended before its time, so that a resume would go on with it."""
        return self.state in ("interrupted", "failed", "killed")

    @property
    def silent(self) -> bool:
        """Whether a process holds the run and has not been heard of for long: it hangs, or its disk does."""
        return self.live and self.silence > SILENT

    def word(self) -> Text:
        """Return the state in one word."""
        return Text(state_word(self.state), _STYLES[self.state])

    def sentence(self) -> Text:
        """Return the state, and why or since when."""
        line = Text("● ", _STYLES[self.state]).append_text(self.word())
        if self.reason:
            line.append(text(": ", "：")).append(printable(self.reason))
        elif self.silent:
            line.append(
                text(
                    f", but silent: last heard of {ago(self.silence)}", f"，但没有响应：上次心跳在{ago(self.silence)}"
                ),
                "red",
            )
        elif self.state == "killed":
            line.append(
                text(
                    f": its process is gone; last heard of {ago(self.silence)}",
                    f"：进程已不在；上次心跳在{ago(self.silence)}",
                )
            )
        return line


def state_word(state: State) -> str:
    """Return how a state is called."""
    chinese: Mapping[State, str] = {
        "running": "运行中",
        "paused": "已暂停",
        "completed": "已完成",
        "stopped": "已停止",
        "interrupted": "已中断",
        "failed": "失败",
        "killed": "被终止",
    }
    return text(state, chinese[state])


def _is_paused(run: RunDirectory, attempt: int) -> bool:
    from lineside.store.reader import RunReader  # a list of runs that are over does not wait for it

    try:
        with RunReader.open(run.path) as reader:
            turns = [*reader.events("paused")[-1:], *reader.events("unpaused")[-1:]]
    except StoreError:
        return False
    last = max(turns, key=lambda event: (event.attempt, event.time), default=None)
    # One that was killed in a pause never told its end; the attempt that goes on is not paused.
    return last is not None and last.kind == "paused" and last.attempt == attempt

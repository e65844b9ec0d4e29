"""What was decided in a run, by whom, why, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from lineside.cli.amounts import number
from lineside.cli.terminal import printable
from lineside.control import Kind
from lineside.language import text
from lineside.store.entries import RecordedRequest


@dataclass(frozen=True, slots=True)
class Decision:
    """One request and its outcome."""

    entry: RecordedRequest

    @property
    def routine(self) -> bool:
        """Whether it is one of the saves that a callback makes as planned; the checkpoints tell of them."""
        request, outcome = self.entry.request, self.entry.outcome
        return request.kind is Kind.SAVE and request.origin != "operator" and outcome is not None and outcome.applied

    @property
    def what(self) -> str:
        """What was asked, with what matters of its arguments."""
        request = self.entry.request
        given = request.arguments
        match request.kind:
            case Kind.SET_LR:
                value, group = given.get("value"), given.get("group")
                rate = number(value) if isinstance(value, (int, float)) else printable(value)
                return f"set_lr {rate}" + ("" if group is None else f" (group {printable(group)})")
            case Kind.SAVE:
                return f"save {printable(given.get('tag') or '')}".rstrip()
            case Kind.RESTORE:
                return f"restore {printable(given.get('checkpoint') or '')}".rstrip()
            case _:
                return request.kind.word

    @property
    def why(self) -> str:
        """The reason that its author gave."""
        return printable(self.entry.request.reason)

    @property
    def who(self) -> str:
        """Its author."""
        return printable(self.entry.request.author)

    def outcome(self) -> Text:
        """Return what became of it, in words."""
        outcome = self.entry.outcome
        if outcome is None:
            return Text(text("waits", "等待中"), "yellow")
        if outcome.applied:
            return Text(text("applied", "已生效"), "green")
        return Text(text("refused: ", "被拒绝：") + printable(outcome.detail), "red")

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        request, outcome = self.entry.request, self.entry.outcome
        return {
            "request": request.id,
            "kind": request.kind.word,
            "arguments": dict(request.arguments),
            "author": request.author,
            "origin": request.origin,
            "reason": request.reason,
            "attempt": self.entry.attempt,
            "time": self.entry.time,
            "applied": None if outcome is None else outcome.applied,
            "step": self.entry.step,
            "detail": None if outcome is None else outcome.detail,
        }

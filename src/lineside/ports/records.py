"""What a run needs of the store: a recorder, and an inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lineside.control import Outcome, Request
from lineside.ports.vocabulary import LogRow


class Recorder(Protocol):
    """Writes down what happened. Called from one background thread."""

    def rows(self, rows: Sequence[LogRow]) -> None: ...
    def event(self, kind: str, *, step: int, epoch: int, time: float, data: Mapping[str, Any]) -> None: ...
    def request(self, request: Request, outcome: Outcome | None) -> None: ...
    def text(self, tag: str, text: str, *, step: int, epoch: int, time: float) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class RequestInbox(Protocol):
    """Where requests from outside arrive. Polled off the training thread."""

    def poll(self) -> Sequence[Request]: ...
    def done(self, request_id: str) -> None: ...

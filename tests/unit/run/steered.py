"""A host whose rates can be set, and requests from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from lineside.control import Kind, Request
from lineside.errors import (
    RequestRefused,
)
from lineside.run import Run
from lineside.run.plain_host import PlainHost


class SteeredHost(PlainHost):
    """A host without a model that writes down what is done to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.done: list[Any] = []
        self.rates: dict[str, float] = {"0": 0.1}

    def lr(self) -> Mapping[str, float]:
        return dict(self.rates)

    def set_lr(self, value: float, group: str | int | None) -> None:
        if group == "nobody":
            raise RequestRefused("there is no group 'nobody'")
        self.done.append(("set_lr", value))
        self.rates["0"] = value

    def restore(self, saved: Any, weights_only: bool = False) -> None:
        if weights_only:
            self.done.append("restore")

    def validate(self) -> None:
        self.done.append("validate")
        super().validate()

    def weight_file(self, suffix: str, over: Any = None) -> Any:
        if suffix != ".txt":
            raise RequestRefused(f"no {suffix} files here")
        return lambda path: path.write_text("weights")


def operator(kind: Kind, reason: str = "because", **arguments: Any) -> Request:
    return Request(kind, reason, "ada", "operator", arguments)


class Door:
    """Lets the loop wait until a request from outside has come in."""

    def __init__(self, run: Run) -> None:
        self.come_in = threading.Event()
        request = run.request
        run.request = lambda one: (request(one), self.come_in.set())[0]


def while_paused(run: Run, act: Callable[[], None]) -> None:
    """Let a run do something as soon as it waits."""
    record = run.record

    def recorded(kind: str, data: Mapping[str, Any]) -> None:
        record(kind, data)
        if kind == "paused":
            act()

    run.record = recorded

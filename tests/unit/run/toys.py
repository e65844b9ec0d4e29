"""What the tests of runs share: a small training without a model, and callbacks that watch, act and fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from lineside.callback import Callback, Hook
from lineside.events import Event, event_of
from lineside.run import Run
from lineside.run.plain_host import PlainHost
from lineside.store import RunDirectory, RunReader

EVENTS = frozenset(PlainHost().capabilities.events)

Batch = Callable[[Run, float], None]
MakeRun = Callable[..., Run]


def nothing(run: Run, value: float) -> None:
    """Do nothing more with a batch."""


def train(
    run: Run,
    epochs: int | None = 2,
    batches: Iterable[Any] = (1.0, 2.0),
    validation: Iterable[Any] | None = (3.0,),
    *,
    steps: int | None = None,
    do: Batch = nothing,
    do_in_validation: Batch = nothing,
) -> None:
    """Train as a hand-written loop does: each batch is its own loss, and every one of them a step."""
    for _ in run.epochs(epochs, steps=steps):
        for value in run.batches(batches):
            run.log({"loss": value})
            run.stepped()
            do(run, value)
        if validation is not None:
            validate(run, validation, do_in_validation)


def validate(run: Run, values: Iterable[Any] = (3.0,), do: Batch = nothing) -> None:
    """Validate as a hand-written loop does."""
    with run.validation():
        for value in run.batches(values):
            run.log({"loss": value})
            do(run, value)


class Made(Callback):
    """A callback whose hooks are functions of a test, by the name of the hook."""

    def __init__(self, name: str = "made", *, every: Mapping[str, Any] | None = None, **hooks_and_options: Any) -> None:
        given = {event: value for key, value in hooks_and_options.items() if (event := event_of(key)) is not None}
        super().__init__(name=name, **{k: v for k, v in hooks_and_options.items() if event_of(k) is None})
        durations = every or {}
        self._given = {event: Hook(call, durations.get(event.hook)) for event, call in given.items()}

    def hooks(self) -> Mapping[Event, Hook]:
        return self._given


class Trace(Callback):
    """Writes down every event, and what it saw there; its state is what it wrote."""

    def __init__(self, look: Callable[[Any], Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.look = look
        self.seen: list[Any] = []

    def hooks(self) -> Mapping[Event, Hook]:
        return {event: Hook(partial(self.see, event)) for event in EVENTS}

    def see(self, event: Event, run: Any, payload: Any = None) -> None:
        self.seen.append(event.hook if self.look is None else [event.hook, self.look(run)])

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen[:] = state["seen"]


class RaisesAlways(Trace):
    """Raises at every event."""

    def see(self, event: Event, run: Any, payload: Any = None) -> None:
        super().see(event, run, payload)
        raise ValueError(f"I never liked {event.hook}")


def ask(name: str, hook: str, what: Callable[[Any], None], once: bool = True, **options: Any) -> Made:
    """Return a callback that asks something of the run at a hook, the first time or always."""
    done: list[bool] = []

    def call(run: Any, *payload: Any) -> None:
        if not done or not once:
            done.append(True)
            what(run)

    return Made(name, **{hook: call}, **options)


def answers(run: Run, *, attempts: Any = "effective") -> list[tuple[str, str, str]]:
    """Return what became of every request: kind, author and outcome, as the store tells it when the run is over."""
    with RunReader.open(run.dir) as reader:
        return [(e.request.kind.word, e.request.author, str(e.outcome)) for e in reader.requests(attempts=attempts)]


def events(run: Run, kind: str) -> list[Mapping[str, Any]]:
    """Return what the store knows of one kind of events."""
    with RunReader.open(run.dir) as reader:
        return [event.data for event in reader.events(kind)]


def status(run: Run) -> str:
    """Return how the run's record says that it ended."""
    return str(RunDirectory.open(run.dir).status())


class Gate:
    """Holds a background callback until the test lets it go."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> None:
        self.reached.set()
        assert self.open.wait(60)

"""The safe points of a fake run: what was asked for is applied, or refused, in the order of a real run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from lineside.callback import Callback
from lineside.control import Kind, Outcome, Request, in_order
from lineside.errors import RequestRefused
from lineside.events import Event
from lineside.testing.fake_checkpoint import FakeCheckpoint
from lineside.testing.fake_view import FakeRunOptions, FakeView

_ROUNDS = 2
"""Requests made by hooks that a validation or save itself fires are taken in one further round."""


class FakeSafePoints(FakeView):
    """A fake run that answers requests.

    Attributes:
        outcomes: every request that was answered, with what became of it.
        checkpoints: what was committed, in order.
        restored: the names of the checkpoints that were put back.
        pins: the checkpoint that each owner pinned last.
        paused: whether a pause was asked for and not yet taken back; the fake goes on anyway.
    """

    def __init__(self, callbacks: Sequence[Callback | str] = (), **options: Unpack[FakeRunOptions]) -> None:
        super().__init__(callbacks, **options)
        self.outcomes: list[tuple[Request, Outcome]] = []
        self.checkpoints: list[FakeCheckpoint] = []
        self.restored: list[str] = []
        self.pins: dict[str, str] = {}
        self.paused = False
        self._tagged: dict[str, str] = {}
        self._stop_reason: str | None = None
        self._last_validation: Mapping[str, float] = {}

    @property
    def stopped(self) -> bool:
        """Whether a stop has been applied."""
        return self._stop_reason is not None

    def settle(self) -> None:
        """Apply what was asked for."""
        for _ in range(_ROUNDS):
            requests = in_order(self._waiting.take())
            saves = [request for request in requests if request.kind is Kind.SAVE]
            for position, request in enumerate(requests):
                if request.kind is not Kind.SAVE:
                    self._answer(request)
                elif request is saves[0]:
                    self._commit(saves, pending=requests[position + len(saves) :])
                self._open_mail()

    def _answer(self, request: Request) -> None:
        try:
            self._apply(request)
        except RequestRefused as refusal:
            self.outcomes.append((request, Outcome(applied=False, step=self.step, detail=str(refusal))))
            self.alert(f"{request.kind.word} was refused", str(refusal))
        else:
            self.outcomes.append((request, Outcome(applied=True, step=self.step)))

    def _apply(self, request: Request) -> None:
        match request.kind:
            case Kind.RESTORE:
                self.restored.append(self._found(request.arguments["checkpoint"]))
            case Kind.SET_LR:
                self._rates.set(request.arguments["value"], request.arguments.get("group"))
            case Kind.VALIDATE if self.has_validation is False:
                raise RequestRefused("this run has no validation")
            case Kind.VALIDATE:
                self._validate(self._last_validation)
            case Kind.PAUSE | Kind.UNPAUSE:
                self.paused = request.kind is Kind.PAUSE
            case Kind.STOP | Kind.INTERRUPT:
                self._stop_reason = request.reason

    def _validate(self, values: Mapping[str, float]) -> None:
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint made at this safe point would hold."""
        raise NotImplementedError

    def _found(self, wanted: str) -> str:
        names = {checkpoint.name: checkpoint.name for checkpoint in self.checkpoints}
        found = (names | self._tagged | self.pins).get(wanted)
        if found is None:
            raise RequestRefused(f"there is no checkpoint {wanted!r}")
        return found

    def _commit(self, saves: Sequence[Request], pending: Sequence[Request]) -> None:
        name = f"step-{self.step:06d}-{len(self.checkpoints)}"
        arguments = [request.arguments for request in saves]
        tags = list(dict.fromkeys(one.get("tag") or "manual" for one in arguments))
        pins = [one["pin"] for one in arguments if one.get("pin")]
        self.pins |= dict.fromkeys(pins, name)
        self._tagged |= dict.fromkeys([*tags, "last"], name)
        checkpoint = FakeCheckpoint(
            name,
            self.dir / "checkpoints" / name,
            self.step,
            self.epoch,
            tags,
            pins,
            files=list(dict.fromkeys(one["file"] for one in arguments if one.get("file"))),
            weights_only=all(one.get("weights_only") for one in arguments),
            metrics=dict(self.metrics),
            state=self.state() | {"pending": list(pending)},
        )
        self.checkpoints.append(checkpoint)
        self.outcomes.extend((request, Outcome(applied=True, step=self.step)) for request in saves)
        self.emit(Event.CHECKPOINT, checkpoint)

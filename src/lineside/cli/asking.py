"""Asking something of a run: a request is put into its inbox, and the answer is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from getpass import getuser
from typing import Any, Final, Literal

from lineside.cli.standing import Standing, state_word
from lineside.cli.terminal import printable
from lineside.control import Kind
from lineside.errors import NoRecords, RequestRefused, StoreUnavailable
from lineside.language import text
from lineside.store.directory import RunDirectory
from lineside.store.inbox import Inbox
from lineside.store.reader import RunReader

POLL: Final = 0.1
"""Seconds between two looks for the answer."""

Verdict = Literal["applied", "refused", "over", "asked", "unanswered"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        verdict: ``applied`` or ``refused`` by the run; ``over`` where the run had ended, or ended before it answered;
            ``asked`` where nobody waited; ``unanswered`` where there was no answer in time.
        request: the request's id; None where it was not made because the run is over.
        step: at which the run answered.
        detail: why it was refused; how the run stands; the checkpoint that was saved.
    """

    verdict: Verdict
    request: str | None
    step: int | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        """Return it in words."""
        match self.verdict:
            case "applied":
                what = text(f"applied at step {self.step}", f"已在第 {self.step} 步生效")
                return f"{what}: {self.detail}" if self.detail else what
            case "refused" | "over":
                return text(f"refused: {self.detail}", f"被拒绝：{self.detail}")
            case "asked":
                return text("asked; it is applied at the next safe point", "已提出；将在下一个安全点生效")
            case "unanswered":
                return text(
                    f"no answer yet: {self.detail}. The request stays; it is applied at the next safe point",
                    f"尚无答复：{self.detail}。请求仍然有效，将在下一个安全点生效",
                )


def ask(run: RunDirectory, kind: str, arguments: Mapping[str, Any], reason: str) -> Answer:
    """Ask something of a run, and do not wait; of a run that nobody trains nothing is asked.

    Raises:
        OptionError: an argument is not allowed.
        RequestRefused: the inbox cannot be written to.
    """
    standing = Standing.of(run, run.read_record())
    if not standing.live:
        return Answer("over", None, detail=_ended(run, standing))
    try:
        return Answer("asked", Inbox(run.inbox).post(kind, arguments, reason, _user()))
    except OSError as error:
        raise RequestRefused(
            f"{run.inbox} cannot be written to: {error}. Ask as a user who may write there."
        ) from error


def answer(
    run: RunDirectory,
    request: str,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Wait until a run has answered a request, has ended, or time is up."""
    deadline = clock() + timeout
    while True:
        # The standing is looked at first: a run may answer and end between the two.
        standing = Standing.of(run, run.read_record())
        if (recorded := _recorded(run, request)) is not None:
            return recorded
        if (refusal := Inbox(run.inbox).refusal(request)) is not None:
            return Answer("refused", request, detail=printable(refusal))
        if not standing.live:
            return Answer("over", request, detail=_ended(run, standing))
        if clock() >= deadline:
            return Answer("unanswered", request, detail=standing.sentence().plain.removeprefix("● "))
        sleep(POLL)


def _ended(run: RunDirectory, standing: Standing) -> str:
    name, state = printable(run.name), state_word(standing.state)
    if standing.state in ("completed", "stopped"):
        why = printable(standing.reason or "")
        return text(f"{name} is over: {state} ({why})", f"{name} 已结束：{state}（{why}）")
    return text(f"nobody trains {name}: it is {state}. Resume it first", f"{name} 没有在训练：{state}。请先恢复训练")


def _recorded(run: RunDirectory, request: str) -> Answer | None:
    with suppress(NoRecords, StoreUnavailable), RunReader.open(run.path) as reader:
        entry = reader.request(request)
        if entry is None or entry.outcome is None:
            return None
        step, detail = entry.outcome.step, entry.outcome.detail
        if not entry.outcome.applied:
            return Answer("refused", request, step, printable(detail))
        if entry.request.kind is Kind.SAVE:
            saved = [event.data.get("name") for event in reader.events("checkpoint") if event.step == step]
            detail = str(saved[-1]) if saved else ""
        return Answer("applied", request, step, printable(detail))
    return None


def _user() -> str:
    """Return who asks; a container may not know its user's name."""
    try:
        return printable(getuser())
    except (KeyError, OSError):
        return "operator"

"""What happens in the circle, and the proof that it did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from examples.circle.receivers import Arrival, Receivers
from lineside.checkpoints.catalog import Catalog
from lineside.control import Kind
from lineside.outbox.standing import OutboxStanding
from lineside.store.catalogue import find_runs
from lineside.store.directory import RunDirectory
from lineside.store.reader import RunReader

Found = TypeVar("Found")

TRAINING = Path(__file__).with_name("training.py")
KILLED_IN_EPOCH = 2
"""Counted from 0."""
PATIENCE = 120.0
"""Seconds for all of it; it takes about twenty on two idle cores."""
SECONDS = 30.0
"""Within which an alert must be in the chat, also on a busy machine."""


@dataclass(frozen=True)
class Line:
    """Something that happened: when, in seconds since 1970, where, and what."""

    time: float
    where: str
    what: str


@dataclass(frozen=True)
class Check:
    """A claim, whether it holds, and the numbers."""

    claim: str
    holds: bool
    shown: str


@dataclass(frozen=True)
class Told:
    """All that happened, in order, and what it proves."""

    began: float
    lines: list[Line]
    checks: list[Check]

    @property
    def proven(self) -> bool:
        """Whether every claim holds."""
        return all(check.holds for check in self.checks)


def play(directory: Path) -> Told:
    """Train under the supervisor, with all receivers open; kill the training once; return what happened."""
    began, receivers = time.time(), Receivers()
    receivers.is_down = True  # its team deploys right now
    with ExitStack() as opened:
        addresses = opened.enter_context(receivers.open())
        heard = opened.enter_context((directory / "heard").open("wb+"))
        environment = os.environ | addresses | {"XDG_STATE_HOME": str(directory / "state"), "LINESIDE_ADVICE": "off"}
        command = [sys.executable, "-m", "lineside", "run", "--restarts", "1", "--", sys.executable, str(TRAINING)]
        process = opened.enter_context(
            subprocess.Popen(  # noqa: S603 - our own program
                [*command, str(directory / "runs")], env=environment, stdout=heard, stderr=heard
            )
        )
        opened.callback(process.kill)
        run, killed_at = _kill_in_the_middle(directory, process)
        killed = time.time()
        _wait(lambda: "died" in " ".join(receivers.titles("WeCom")), "the watcher's alert")
        receivers.is_down = False
        code = process.wait(PATIENCE)
        heard.seek(0)
        said = [line for line in heard.read().decode("utf-8", "replace").splitlines() if line.startswith("lineside: ")]
    lines = [Line(killed, "kill -9", f"the training is killed at step {killed_at}")]
    lines += [Line(one.time, one.place, _shown(one)) for one in receivers.arrivals]
    lines += list(_decisions(run))
    lines += [Line(began, "terminal", "lineside run --restarts 1 -- python training.py")]
    checks = [*_checks(run, receivers, code, killed_at), _told_in_the_terminal(said)]
    return Told(began, sorted(lines, key=lambda line: line.time), checks)


def _kill_in_the_middle(directory: Path, process: subprocess.Popen[bytes]) -> tuple[RunDirectory, int]:
    """Kill the training in the middle of an epoch; return its run, and the last step that it had written down."""

    def ready() -> RunDirectory | None:
        if process.poll() is not None:
            raise RuntimeError(f"the training ended by itself:\n{(directory / 'heard').read_text()}")
        for run in find_runs(directory / "runs"):
            last = Catalog(run.checkpoints, run.name).last
            if last is not None and last.epoch >= KILLED_IN_EPOCH:
                return run
        return None

    run = _wait(ready, "a checkpoint")
    time.sleep(0.3)  # some batches into the next epoch
    os.kill(run.read_record().pid, signal.SIGKILL)
    with RunReader.open(run.path) as reader:
        return run, max(reader.last_steps().values(), default=0)


def _wait(look: Callable[[], Found | None], what: str) -> Found:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise RuntimeError(f"never: {what}")
        time.sleep(0.05)
    return found


def _shown(arrival: Arrival) -> str:
    return arrival.title if arrival.refused is None else f"{arrival.title} (answered {arrival.refused}; it waits)"


def _decisions(run: RunDirectory) -> Iterator[Line]:
    """Yield what the run itself wrote down: what was asked, what was answered, from where it went on."""
    with RunReader.open(run.path) as reader:
        for attempt in reader.attempts():
            at = "" if attempt.resumed_step is None else f", from the checkpoint of step {attempt.resumed_step}"
            yield Line(attempt.started, "run", f"attempt {attempt.number} begins{at}")
        for alert in reader.events("alert"):
            yield Line(alert.time, "run", f"alert: {alert.data['title']}")
        for entry in reader.requests():
            if entry.request.kind in (Kind.SET_LR, Kind.STOP) and entry.outcome is not None:
                value = entry.request.arguments.get("value")
                what = entry.request.kind.word if value is None else f"{entry.request.kind.word} {value:.3g}"
                yield Line(entry.time, "run", f"{what} by {entry.request.author}: {entry.outcome}")
        for end in reader.events("end"):
            yield Line(end.time, "run", f"{end.data['status']}: {end.data['reason']}")


def _checks(run: RunDirectory, receivers: Receivers, code: int, killed_at: int) -> Iterator[Check]:
    record, standing = run.read_record(), OutboxStanding.read(run.path)
    with RunReader.open(run.path) as reader:
        raised = [event for event in reader.events("alert") if event.data["author"] == "exploded"]
        asked = [(one.request, one.outcome) for one in reader.requests() if one.outcome is not None]
        resumed = [attempt.resumed_step for attempt in reader.attempts()]
        at = reader.latest("val/loss")
    exploded = raised[0].data["title"] if raised else "no alert"
    chat = [one for one in receivers.arrivals if one.place == "WeCom" and exploded in one.title]
    late = chat[0].time - raised[0].time if chat and raised else float("inf")
    yield Check("the validation loss explodes, and the chat knows", late <= SECONDS, f"{exploded}: {late:.1f} s later")
    yield Check("the robot got what WeCom takes", not receivers.faults, "; ".join(receivers.faults) or "no fault")
    mails = [title for title in receivers.titles("mail") if exploded in title]
    yield Check("a mail says the same", bool(mails), "; ".join(mails) or "none")
    cuts = [request for request, outcome in asked if request.author == "reduce-lr-on-plateau" and outcome.applied]
    rates = ", ".join(f"{request.arguments['value']:.3g}" for request in cuts)
    yield Check("the learning rate is cut", bool(cuts), f"to {rates}")
    last = Catalog(run.checkpoints, run.name).last
    stopped = record.status == "stopped" and last is not None and last.step == record.progress["step"]
    if last is not None:
        last.verify()
    yield Check(
        "the run is stopped, with a checkpoint of its last step, which is sound",
        stopped and code == 0,
        f"{record.reason}; step {record.progress['step']}; {at.value:.3g}" if at is not None else str(record.reason),
    )
    yield Check(
        "killed with -9, it goes on from its checkpoint",
        len(resumed) == 2 and resumed[1] is not None and resumed[1] <= killed_at,
        f"killed at step {killed_at} or a little later, resumed at step {resumed[-1]}",
    )
    told = [title for title in receivers.titles("WeCom") if "died" in title or "started again" in title]
    yield Check("the watcher tells of the death and of the restart", len(told) == 2, "; ".join(told))
    hooks = [one for one in receivers.arrivals if one.place == "webhook"]
    taken = [one.key for one in hooks if one.refused is None]
    refused = {one.key for one in hooks if one.refused is not None}
    yield Check(
        "what the webhook refused while it was down came afterwards",
        bool(refused) and refused <= set(taken),
        f"{len(refused)} of {len(taken)}",
    )
    yield Check(
        "everything is delivered, once per idempotency key",
        len(taken) == len(set(taken)) and standing.waiting == 0 == standing.failed,
        f"{standing.sent} deliveries; {standing.waiting} wait, {standing.failed} failed; {len(taken)} keys, none twice",
    )


def _told_in_the_terminal(said: list[str]) -> Check:
    told = [line.removeprefix("lineside: ") for line in said]
    return Check("whoever sits at the terminal reads it as well", len(told) == 2, told[0] if told else "nothing")

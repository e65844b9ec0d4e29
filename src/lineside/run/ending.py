"""The end of a run: what is under way finishes, how it ended is written down, and only then can it be reported."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from lineside.dispatch.summary import remarks, table
from lineside.outbox.standing import OutboxStanding
from lineside.run.safe_points import Interrupted, culprit
from lineside.store.run_record import Status

if TYPE_CHECKING:
    from lineside.run.run import Run
    from lineside.run.session import Session

log = logging.getLogger("lineside")

END = "end"
"""The event that is recorded last: how the attempt ended, and what its callbacks cost."""


def close(run: Run, session: Session | None, error: BaseException | None) -> BaseException | None:
    """Close everything, and return the error that ends the run.

    The helper process comes last: what it does at the end reads the records, which are complete by then. Nobody else
    may write into the directory before it is done.
    """
    began = time.monotonic()
    try:
        late = run.wiring.close_lanes()
        # What callbacks in the background have raised and logged at the very end is written down with the rest.
        run.open_mail()
        for fatal in run.dispatcher.fatal:
            log.error("A callback failed at the end of the run.", exc_info=fatal)
        if error is None and run.dispatcher.fatal:
            error = run.dispatcher.fatal[0]
            run.reason = culprit(error)
        status = _status(run, error)
        outbox = run.wiring.close_post(began, leaving=isinstance(error, Interrupted))
        _sum_up(run, outbox)
        if session is None or not session.evaluates:
            _write_down(run, status, outbox)
        late += run.wiring.close_store()
        if session is not None:
            _end(session, status, run)
        late += run.wiring.close_helper()
        if late:
            log.warning("Did not finish in time and was left behind: %s.", ", ".join(late))
    finally:
        run.signals.restore()
        run.host_port.unwatch()
        run.close_sources()
        if session is not None:
            session.directory.unlock()
    return error


def _end(session: Session, status: Status, run: Run) -> None:
    try:
        session.end(status, run.reason, run.progress.summary())
    except OSError:
        log.exception("How the run ended could not be written into %s.", run.dir)


def _sum_up(run: Run, outbox: OutboxStanding | None) -> None:
    """Say what the callbacks cost, now that none of them is called any more, and which alerts have not arrived."""
    costs = run.costs()
    undelivered = [] if outbox is None else list(outbox.remarks(run.name))
    if run.wiring.post.lost:
        undelivered.append(f"{run.wiring.post.lost:,} deliveries were lost: the outbox could not be written.")
    run.summary = "\n".join([table(costs), *undelivered])
    for sentence in [*remarks(costs), *undelivered]:
        log.warning("%s", sentence)


def _write_down(run: Run, status: Status, outbox: OutboxStanding | None) -> None:
    """Record how the training ended and what its callbacks cost; an evaluation behind it changes neither."""
    run.record(
        END,
        {
            "status": status,
            "reason": run.reason,
            "seconds": run.progress.elapsed,
            "wall": run.progress.wall,
            "costs": [asdict(cost) for cost in run.costs()],
            "outbox": None if outbox is None else outbox.counts(),
        },
    )


def _status(run: Run, error: BaseException | None) -> Status:
    if isinstance(error, Interrupted):
        return "interrupted"
    if error is not None:
        return "failed"
    return "stopped" if run.points.stopping is not None else "completed"

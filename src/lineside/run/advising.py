"""Advice at the start of a run: what the run is made of is recorded, and what people should know is said once."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from lineside.advice.advisor import VARIABLE, advise
from lineside.advice.facts import Facts
from lineside.advice.machine import machine_facts
from lineside.advice.record import EVENT

if TYPE_CHECKING:
    from lineside.run.view import LiveView

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING}


def facts_of(run: LiveView) -> Facts:
    """Return the facts about a run; its learning rates are the initial ones before a checkpoint is put back."""
    return replace(
        machine_facts(run.dir),
        callbacks=run.callbacks,
        optimizers=[type(one).__name__ for one in run.optimizers.values()],
        schedulers=list(run.schedulers),
        lr=dict(run.lr),
        destinations=run.wiring.post.destinations,
    )


def give(run: LiveView) -> None:
    """Give advice: through the logger ``lineside.advice.<rule>``, and as an event in the run's records.

    Raises:
        OptionError: what ``LINESIDE_ADVICE`` says is unknown.
    """
    facts = facts_of(run)
    run.record(EVENT, facts.plain())
    for one in advise(facts):
        log = logging.getLogger(f"lineside.advice.{one.rule}")
        # Who silenced the logger wants nothing of it, in the records neither.
        if log.isEnabledFor(logging.WARNING):
            run.record("advice", asdict(one))
            log.log(_LEVELS[one.level], "%s See %s (silence it: %s=-%s).", one.text, one.source, VARIABLE, one.rule)

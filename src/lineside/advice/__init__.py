"""Advice: one sentence each about how a run is set up, with its source, that can be silenced.

A run gives it once, at its start, through the log; whoever has a run's directory, or only a machine, can ask as well::

    from lineside.advice import advise, machine_facts, recorded_facts

    advise(recorded_facts(directory))  # of a run on the disk: its callbacks, optimizer, rates, and curves so far
    advise(machine_facts(directory))  # of this machine, for runs that would be written below a directory

`advise(facts)` returns a list of `Advice`, each with ``rule`` (its id), ``level``, ``text`` and ``source``. What
``LINESIDE_ADVICE`` silences is left out. `recorded_facts` raises `NoRecords` or another `StoreError` where nothing can
be read. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineside.advice.advisor import Advice, advise
    from lineside.advice.facts import Facts
    from lineside.advice.machine import machine_facts
    from lineside.advice.record import recorded_facts

_HOMES = {
    "Advice": "lineside.advice.advisor",
    "Facts": "lineside.advice.facts",
    "advise": "lineside.advice.advisor",
    "machine_facts": "lineside.advice.machine",
    "recorded_facts": "lineside.advice.record",
}
__all__ = ["Advice", "Facts", "advise", "machine_facts", "recorded_facts"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lineside.advice' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

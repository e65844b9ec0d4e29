"""Giving advice: every rule looks at the facts, and what somebody silenced is left out."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lineside.advice.facts import Facts
from lineside.advice.rules import RULES, Level
from lineside.errors import OptionError, nearest

VARIABLE = "LINESIDE_ADVICE"


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence for people.

    Attributes:
        rule: the id under which it can be silenced.
        level: ``warning`` where something will not work as it was meant, ``info`` where there may be a better way.
        text: the sentence, in the reader's language.
        source: where it comes from: the address of a paper or of a framework's documentation.
    """

    rule: str
    level: Level
    text: str
    source: str


def advise(facts: Facts, silence: str | None = None) -> list[Advice]:
    """Return the advice that there is on facts, warnings first.

    Args:
        facts: of a live run, of a run's record, or of a machine.
        silence: ``"off"`` for none at all, or ids of rules to leave out: ``"-plateau-beside-adam, -min-delta"``. What
            the environment says in ``LINESIDE_ADVICE`` unless given.

    Raises:
        OptionError: a word in `silence` is neither ``off`` nor the id of a rule with ``-`` in front.
    """
    silent = _silenced(os.environ.get(VARIABLE, "") if silence is None else silence)
    given = [
        Advice(rule.id, rule.level, text, rule.source)
        for rule in RULES
        if rule.id not in silent
        for text in rule.find(facts)
    ]
    return sorted(given, key=lambda one: one.level != "warning")


def _silenced(words: str) -> set[str]:
    known = [rule.id for rule in RULES]
    silent: set[str] = set()
    for word in words.replace(",", " ").split():
        if word == "off":
            silent.update(known)
        elif word[0] == "-" and word[1:] in known:
            silent.add(word[1:])
        else:
            spelt = ["off", *(f"-{one}" for one in known)]
            raise OptionError(f"{VARIABLE}: {word!r} is unknown.{nearest(word, spelt)} Use {', '.join(spelt)}.")
    return silent

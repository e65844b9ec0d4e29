"""Rules by name, and from what a person writes for ``when``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from lineside.alerts.rule import Rule
from lineside.alerts.rules.comparison import Comparison
from lineside.errors import OptionError, nearest

RULES: Final[Mapping[str, str]] = {
    "loss-spike": "loss_spike:LossSpike",
    "not-finite": "not_finite:NotFinite",
    "exploding-gradient": "exploding_gradient:ExplodingGradient",
    "vanishing-gradient": "vanishing_gradient:VanishingGradient",
    "overfitting-gap": "overfitting_gap:OverfittingGap",
    "plateau": "plateau:Plateau",
    "slow-step": "slow_step:SlowStep",
    "disk-nearly-full": "disk_nearly_full:DiskNearlyFull",
    "gpu-idle": "gpu_idle:GpuIdle",
    "stalled": "stalled:Stalled",
    "run-finished": "lifecycle:RunFinished",
    "run-failed": "lifecycle:RunFailed",
    "run-resumed": "lifecycle:RunResumed",
    "run-died": "lifecycle:RunDied",
}
"""The ready-made rules, each with its home in `lineside.alerts.rules`."""

When = str | Mapping[str, Mapping[str, Any] | None] | Rule
"""A comparison, the name of a rule, a mapping from that name to its options, or a rule."""


def rule_of(when: object, owner: str) -> Rule:
    """Return the rule that is meant: see `When`.

    Args:
        when: as given.
        owner: the callback that asks, for messages.

    Raises:
        OptionError: it is none of these; with the nearest right word for a rule or an option of it.
    """
    if isinstance(when, Rule):
        return when
    if isinstance(when, str):
        return Comparison(when, owner) if any(sign in when for sign in "<>=!") else _made(when.strip(), {}, owner)
    if isinstance(when, Mapping) and len(when) == 1:
        ((name, options),) = when.items()
        if isinstance(name, str) and (options is None or isinstance(options, Mapping)):
            return _made(name, options or {}, owner)
    raise OptionError(
        f"{owner}: when={when!r} must be a comparison such as 'val/loss > 10', a rule such as 'loss-spike', or one "
        "rule with its options, such as {'loss-spike': {'factor': 5}}."
    )


def _made(name: str, options: Mapping[str, Any], owner: str) -> Rule:
    target = RULES.get(name.replace("_", "-"))
    if target is None:
        raise OptionError(
            f"{owner}: when={name!r} is no rule and no comparison.{nearest(name, RULES)} The rules are: "
            f"{', '.join(RULES)}. A comparison is written as 'val/loss > 10'."
        )
    module, _, attribute = target.partition(":")
    cls: type[Rule] = getattr(import_module(f"lineside.alerts.rules.{module}"), attribute)
    taken = [] if cls.__init__ is object.__init__ else list(inspect.signature(cls).parameters)
    for option in options:
        if option not in taken:
            there = f" There is: {', '.join(taken)}." if taken else " It takes none."
            raise OptionError(f"{owner}: when: {name} has no {option!r}.{nearest(str(option), taken) or there}")
    try:
        return cls(**options)
    except OptionError as error:
        raise OptionError(f"{owner}: when: {error}") from None

"""Which metrics share a panel, and which panels have a logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RATES = "learning rate"
"""The panel of all learning rates."""

_STAGES = ("train", "val", "test", "batch")


def panels(names: Iterable[str]) -> dict[str, list[str]]:
    """Group ``train/x``, ``val/x``, ``test/x`` and ``batch/x``; the loss comes first and the learning rates last."""
    grouped: dict[str, list[str]] = {"loss": [], RATES: []}
    for name in names:
        stage, _, metric = name.partition("/")
        group = RATES if stage == "lr" else metric if stage in _STAGES else name
        grouped.setdefault(group, []).append(name)
    rates = grouped.pop(RATES)
    return {name: sorted(members) for name, members in (grouped | {RATES: rates}).items() if members}


def is_logarithmic(panel: str, finite: Sequence[float]) -> bool:
    """Tell whether the values of a panel are seen better on a logarithmic scale: a loss or a rate over decades."""
    if panel != RATES and "loss" not in panel:
        return False
    ratio = 10 if panel == RATES else 100
    return bool(finite) and min(finite) > 0 and max(finite) / min(finite) >= ratio

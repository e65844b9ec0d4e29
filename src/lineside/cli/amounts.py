"""Amounts as people read them: values, times, sizes."""

from __future__ import annotations

import math
from datetime import datetime

from lineside.language import text


def number(value: float) -> str:
    """Return a value with four digits."""
    try:
        return f"{value:.4g}"
    except OverflowError:  # a whole number that no float holds, as only a crafted file has it
        return "inf"


def count(value: int) -> str:
    """Return a whole number with separated thousands."""
    return f"{value:,}"


def size(number_of_bytes: float) -> str:
    """Return bytes with a unit that fits: ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if number_of_bytes < 1000:
            return f"{number_of_bytes:.3g} {unit}"
        number_of_bytes /= 1000
    return f"{number_of_bytes:,.3g} TB"


def span(seconds: float) -> str:
    """Return a time that passed, in the largest unit and the next: ``2 h 5 min``."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = (
        (days, text("d", "天")),
        (hours, text("h", "小时")),
        (minutes, text("min", "分")),
        (rest, text("s", "秒")),
    )
    first = next((at for at, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    shown = [f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount]
    return " ".join(shown or [f"0 {parts[-1][1]}"])


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return text(f"{span(seconds)} ago", f"{span(seconds)}前")


def moment(time: float) -> str:
    """Return a Unix time as this machine's clock shows it; a question mark for what no clock shows."""
    try:
        return f"{datetime.fromtimestamp(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "?"

"""Checking the values of options: what is refused, the error names the option and says what is allowed."""

from __future__ import annotations

import math

from lineside.errors import OptionError


def check_flags(owner: str, **values: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        OptionError: naming `owner`, the option and its value.
    """
    for option, value in values.items():
        if not isinstance(value, bool):
            raise OptionError(f"{owner}: {option}={value!r} must be True or False.")


def check_whole(owner: str, option: str, value: object, least: int) -> None:
    """Refuse what is not a whole number of at least `least`.

    Raises:
        OptionError: naming `owner`, the option and its value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{owner}: {option}={value!r} must be a whole number, {least} or more.")


def check_number(owner: str, option: str, value: object, *, least: float = -math.inf, below: float = math.inf) -> None:
    """Refuse what is not a finite number of at least `least` and below `below`.

    Raises:
        OptionError: naming `owner`, the option and its value.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise OptionError(f"{owner}: {option}={value!r} must be a finite number.")
    if value < least:
        raise OptionError(f"{owner}: {option}={value!r} must be at least {least:g}.")
    if value >= below:
        raise OptionError(f"{owner}: {option}={value!r} must be below {below:g}.")

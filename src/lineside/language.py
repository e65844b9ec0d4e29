"""The language of what people read: ``LINESIDE_LANG=en|zh``, English unless set."""

from __future__ import annotations

import os
from typing import Literal

from lineside.errors import OptionError, nearest

Language = Literal["en", "zh"]

VARIABLE = "LINESIDE_LANG"


def language() -> Language:
    """Return the language that people asked for.

    Raises:
        OptionError: the variable names neither English nor Chinese.
    """
    asked = os.environ.get(VARIABLE) or "en"
    if asked == "en":
        return "en"
    if asked == "zh":
        return "zh"
    raise OptionError(f"{VARIABLE}={asked!r} is unknown.{nearest(asked, ('en', 'zh'))} Use en or zh, or unset it.")


def text(en: str, zh: str) -> str:
    """Return one of two texts that say the same, and stand side by side where they are used."""
    return zh if language() == "zh" else en


def counted(count: int, thing: str) -> str:
    """Return ``1 value``, ``2 values``: in English a thing that is counted has a plural."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"

"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "missing", "info", "warning", "error"]
"""``missing`` is something that may be missing; ``warning`` will hurt some trainings, ``error`` every one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what to do about it.

    Attributes:
        check: its id, such as ``shared-memory``.
        level: how bad it is.
        text: the sentence, in the reader's language.
        remedy: a command, or what else helps; empty where nothing is to be done.
        source: where it comes from: the address of a documentation or a paper.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""
    source: str = ""

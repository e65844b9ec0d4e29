"""What callbacks told people: alerts, and the newest text of each tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lineside.reports.html.evidence import Evidence
from lineside.reports.html.wording import Wording
from lineside.store.entries import Text

_MOST_ALERTS = 100
_MOST_TEXTS = 40


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert. `level` is ``info``, ``warning`` or ``error``."""

    level: str
    title: str
    text: str
    author: str
    step: int


def alerts(evidence: Evidence, wording: Wording) -> tuple[list[Notice], int]:
    """Return the first and the last alerts, and how many there are between them that are not shown."""
    raised = evidence.of_kind("alert")
    left_out = max(0, len(raised) - _MOST_ALERTS)
    shown = raised if not left_out else [*raised[: _MOST_ALERTS // 2], *raised[-_MOST_ALERTS // 2 :]]
    notices = []
    for event in shown:
        level, title, text, author = (
            wording.shortened(str(event.data.get(key) or "")) for key in ("level", "title", "text", "author")
        )
        known = level if level in ("info", "error") else "warning"
        notices.append(Notice(known, title, text, author, event.step))
    return notices, left_out


def texts(evidence: Evidence) -> Sequence[Text]:
    """Return the newest text of each tag; of very many tags the last."""
    newest = {text.tag: text for text in evidence.texts}
    return list(newest.values())[-_MOST_TEXTS:]

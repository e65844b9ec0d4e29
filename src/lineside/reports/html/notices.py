"""What callbacks told people: alerts, and the newest text of each tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lineside.reports.html.evidence import Evidence
from lineside.reports.html.wording import Wording
from lineside.store.entries import Text

_MOST_ALERTS = 100
_MOST_TEXTS = 40
_MOST_DELIVERIES = 10


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


def deliveries(evidence: Evidence, say: Wording) -> list[str]:
    """Return what became of alerts that were to be delivered: a sentence with the counts, and one for each trouble."""
    outbox = evidence.outbox
    if outbox is None:
        return [say("What was delivered is not known: outbox.db cannot be read.", "无法读取 outbox.db，投递情况未知。")]
    if outbox.is_empty:
        return []
    counts = [f"{say.count(outbox.sent)} {say('delivered', '已送达')}"]
    for number, words in (
        (outbox.waiting, say("waiting", "等待投递")),
        (outbox.failed, say("given up", "已放弃")),
        (outbox.refused, say("without room", "因满未收")),
    ):
        if number:
            counts.append(f"{say.count(number)} {words}")
    sentences = [say("Deliveries: ", "投递：") + say(", ", "，").join(counts)]
    for queue in outbox.queues[:_MOST_DELIVERIES]:
        why = say.shortened(queue.detail or say("not tried yet", "尚未尝试"))
        waiting = say(f"{queue.waiting} waiting for", f"{queue.waiting} 条等待投递到")
        sentences.append(f"{waiting} {say.shortened(queue.destination)}: {why}")
    for failure in outbox.failures[:_MOST_DELIVERIES]:
        given_up = say("given up:", "已放弃：")
        sentences.append(f"{given_up} {say.shortened(failure.title)} ({say.shortened(failure.detail)})")
    return sentences


def texts(evidence: Evidence) -> Sequence[Text]:
    """Return the newest text of each tag; of very many tags the last."""
    newest = {text.tag: text for text in evidence.texts}
    return list(newest.values())[-_MOST_TEXTS:]

from __future__ import annotations

from typing import Any

import pytest

from lineside.control import Kind
from lineside.ports import Alert
from lineside.voice import Voice


class Heard(Voice):
    def __init__(self) -> None:
        self.requests: list[tuple[Kind, str, dict[str, Any]]] = []
        self.media: list[tuple[str, str, Any]] = []
        self.alerts: list[Alert] = []

    _author = "somebody"

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        self.requests.append((kind, reason, arguments))

    def publish_medium(self, kind: str, tag: str, data: Any) -> None:
        self.media.append((kind, tag, data))

    def raise_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)


def test_every_word_becomes_its_request_with_reason_and_arguments() -> None:
    heard = Heard()
    heard.restore("best", "why", weights_only=False)
    heard.set_lr(0.1, "head", "why")
    heard.validate("why")
    heard.save("mine", "why", pin="me", file="x.pt", weights_only=True)
    heard.unpause("why")
    heard.pause("why")
    heard.stop("why")
    heard.interrupt("why")
    assert heard.requests == [
        (Kind.RESTORE, "why", {"checkpoint": "best", "weights_only": False}),
        (Kind.SET_LR, "why", {"value": 0.1, "group": "head"}),
        (Kind.VALIDATE, "why", {}),
        (Kind.SAVE, "why", {"tag": "mine", "pin": "me", "file": "x.pt", "weights_only": True}),
        (Kind.UNPAUSE, "why", {}),
        (Kind.PAUSE, "why", {}),
        (Kind.STOP, "why", {}),
        (Kind.INTERRUPT, "why", {}),
    ]


def test_media_and_alerts_go_where_they_are_heard() -> None:
    heard = Heard()
    heard.log_text("note", "text")
    heard.log_figure("curve", b"png")
    heard.log_image("sample", b"png")
    heard.log_artifact("models/best.pt")
    heard.alert("title", "text", "error", durable=True)
    assert heard.media == [
        ("text", "note", "text"),
        ("figure", "curve", b"png"),
        ("image", "sample", b"png"),
        ("artifact", "best.pt", "models/best.pt"),
    ]
    assert heard.alerts == [Alert("title", "text", "error", "somebody", durable=True)]


def test_a_voice_that_nobody_hears_says_so() -> None:
    with pytest.raises(NotImplementedError):
        Voice().stop("why")

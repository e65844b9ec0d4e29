from __future__ import annotations

import json
from typing import Any

import pytest

from lineside.testing import FakeClock
from lineside.testing.robots import RobotServer

WECOM = "/cgi-bin/webhook/send?key=0123456789abcdef"


def text(content: str, kind: str = "text") -> bytes:
    return json.dumps({"msgtype": kind, kind: {"content": content}}).encode()


def code(reply: Any) -> int:
    return reply.body.get("errcode", reply.body.get("code"))


@pytest.mark.parametrize(("kind", "most"), [("text", 2048), ("markdown", 4096)])
def test_wecom_counts_bytes(kind: str, most: int) -> None:
    robots = RobotServer()
    assert code(robots.answer(WECOM, text("x" * most, kind))) == 0
    assert code(robots.answer(WECOM, text("x" * (most + 1), kind))) == 40058
    assert code(robots.answer(WECOM, text("长" * (most // 3), kind))) == 0
    assert code(robots.answer(WECOM, text("长" * (most // 3 + 1), kind))) == 40058


def test_twenty_messages_a_minute() -> None:
    clock = FakeClock()
    robots = RobotServer(clock=clock.time)
    assert [code(robots.answer(WECOM, text("x"))) for _ in range(21)] == [0] * 20 + [45009]
    clock.advance(61.0)
    assert code(robots.answer(WECOM, text("x"))) == 0


@pytest.mark.parametrize(
    ("target", "body", "refused"),
    [
        ("/cgi-bin/webhook/send?key=other", text("x"), 93000),
        (WECOM, text(""), 40058),
        (WECOM, text("x", "news"), 40008),
        (WECOM, b"{", 47001),
        ("/robot/send?access_token=other", text("x"), 300005),
        ("/open-apis/bot/v2/hook/other", text("x"), 19001),
        ("/open-apis/bot/v2/hook/0123456789abcdef", text("x"), 9499),
    ],
)
def test_what_is_refused(target: str, body: bytes, refused: int) -> None:
    robots = RobotServer()
    assert code(robots.answer(target, body)) == refused
    assert robots.received == []


def test_what_is_no_page() -> None:
    assert RobotServer().answer("/other", b"{}").status == 404


def test_it_listens_within_its_block() -> None:
    robots = RobotServer()
    with robots:
        assert robots.endpoint.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match="within"):
        _ = robots.endpoint

"""Chats, each against a server on loopback that speaks its protocol and checks what it gets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.ports import TryAgain, Undeliverable
from lineside.testing.robots import Reply, RobotServer
from tests.unit.alerts.channels.payloads import send

pytest.importorskip("apprise")

KEY, SECRET = "TIiajkdnlazkcOXrIdevi7FQ", "SEC1234567890abcdef"
ADDRESSES = {
    "wecom": f"wecombot://{KEY}",
    "dingtalk": f"dingtalk://{KEY}/",
    "feishu": f"feishu://{KEY}",
    "slack": f"slack://T1JJ3T3L2/A1BRTD4JD/{KEY}/",
}
LIMITS = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000, "slack": 40_000}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


@pytest.fixture
def robots() -> Iterator[RobotServer]:
    with RobotServer(KEY) as server:
        yield server


@pytest.mark.parametrize("service", ADDRESSES)
def test_an_alert_in_english_and_chinese(robots: RobotServer, service: str) -> None:
    send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
    send(
        f"{ADDRESSES[service]}?endpoint={robots.endpoint}", language="zh", title="损失异常：12.5", text="学习率已降低。"
    )
    english, chinese = robots.received
    assert {english.service, chinese.service} == {service}
    assert english.text.startswith("Warning: val/loss is 12.5 (")
    assert "Run: digits / run-1" in english.text
    assert chinese.text.startswith("警告：损失异常：12.5\n学习率已降低。\n\n训练：digits / run-1\n进度：第 3 轮")


@pytest.mark.parametrize("letter", ["x", "长", "𝄞", '"', "\\", "\u0001"])
@pytest.mark.parametrize("service", ADDRESSES)
def test_what_is_too_long_is_cut_to_one_message_that_is_taken(robots: RobotServer, service: str, letter: str) -> None:
    send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}", text=letter * 50_000)
    (received,) = robots.received
    assert "…" in received.text
    assert len(received.text.encode()) <= LIMITS[service]


@pytest.mark.parametrize("service", ADDRESSES)
def test_what_looks_like_markup_or_a_call_to_people_is_shown_as_it_is(robots: RobotServer, service: str) -> None:
    title = '<at user_id="all">x</at> <!channel> *bold* {"a": 1} & @all </script>'
    send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}", title=title)
    (received,) = robots.received
    if service == "slack":
        assert "&lt;!channel&gt;" in received.text
        assert "<" not in received.text
        assert " &amp; @all" in received.text
    elif service == "feishu":
        assert "<at" not in received.text
        assert "</at" not in received.text
    else:
        assert title in received.text


def test_a_signed_dingtalk_robot_gets_the_signature_that_it_documents() -> None:
    with RobotServer(KEY, SECRET) as robots:
        for _ in range(5):  # each has another timestamp, and with it other characters to be escaped
            send(f"dingtalk://{SECRET}@{KEY}/?endpoint={robots.endpoint}")
        assert len(robots.received) == 5
        for wrong in (f"dingtalk://{KEY}/", f"dingtalk://SEC1234567890abcdee@{KEY}/"):
            with pytest.raises(Undeliverable, match="310000: sign not match"):
                send(f"{wrong}?endpoint={robots.endpoint}")


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ("wecom", "errcode 93000: invalid webhook url"),
        ("dingtalk", "errcode 300005: token is not exist"),
        ("feishu", "code 19001: param invalid"),
        ("slack", "403: invalid_token"),
    ],
)
def test_a_key_that_nobody_knows_is_given_up_with_what_the_service_said(service: str, reason: str) -> None:
    with RobotServer("AnotherKeyThanThisOne123") as robots:
        with pytest.raises(Undeliverable) as refused:
            send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
        assert reason in refused.value.reason
        assert KEY not in refused.value.reason


@pytest.mark.parametrize("service", ["wecom", "dingtalk"])
def test_more_than_twenty_a_minute_are_told_to_wait(robots: RobotServer, service: str) -> None:
    address = f"{ADDRESSES[service]}?endpoint={robots.endpoint}"
    for _ in range(20):
        send(address)
    with pytest.raises(TryAgain) as again:
        send(address)
    assert again.value.after == 60.0


@pytest.mark.parametrize("service", ADDRESSES)
def test_an_answer_of_429_or_500_is_tried_again_when_it_says(robots: RobotServer, service: str) -> None:
    robots.replies.extend([Reply("slow", 429, {"Retry-After": "7"}), Reply("oops", 500)])
    with pytest.raises(TryAgain) as again:
        send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
    assert again.value.after == 7.0
    with pytest.raises(TryAgain) as again:
        send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
    assert again.value.after is None
    send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
    assert len(robots.received) == 1


@pytest.mark.parametrize("service", ADDRESSES)
def test_a_redirect_is_not_followed(robots: RobotServer, service: str) -> None:
    robots.replies.append(Reply("", 307, {"Location": f"{robots.endpoint}/elsewhere"}))
    with pytest.raises(Undeliverable, match="redirect"):
        send(f"{ADDRESSES[service]}?endpoint={robots.endpoint}")
    assert robots.requests == 1


def test_wecom_gets_the_picture_behind_the_text(robots: RobotServer, tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(PIXEL)
    send(f"{ADDRESSES['wecom']}?endpoint={robots.endpoint}", directory=tmp_path, plot="plot.png")
    text, picture = robots.received
    assert text.document["msgtype"] == "text"
    assert base64.b64decode(picture.document["image"]["base64"]) == PIXEL


def test_a_picture_outside_of_the_run_is_not_sent(robots: RobotServer, tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(PIXEL)
    (tmp_path / "run").mkdir()
    for plot in ("../plot.png", str(tmp_path / "plot.png")):
        send(f"{ADDRESSES['wecom']}?endpoint={robots.endpoint}", directory=tmp_path / "run", plot=plot)
    assert [one.document["msgtype"] for one in robots.received] == ["text", "text"]


@pytest.mark.parametrize("endpoint", ["http://example.com", "ftp://127.0.0.1", "nonsense"])
def test_an_endpoint_without_encryption_is_refused(endpoint: str) -> None:
    with pytest.raises(Undeliverable, match=r"encryption|no host"):
        send(f"{ADDRESSES['wecom']}?endpoint={endpoint}")


def test_nobody_there_and_an_address_that_is_malformed() -> None:
    with pytest.raises(TryAgain, match=r"cannot be reached \(ConnectionError\)"):
        send(f"{ADDRESSES['wecom']}?endpoint=http://127.0.0.1:9")
    with pytest.raises(Undeliverable, match="malformed"):
        send("wecombot://no%20key%21?endpoint=http://127.0.0.1:9")

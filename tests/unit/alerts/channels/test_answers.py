from __future__ import annotations

import json
from typing import Any

import pytest

from lineside.alerts.channels.answers import judge, retry_after
from lineside.ports import TryAgain, Undeliverable


def outcome(status: int, body: Any = b"", headers: dict[str, str] | None = None, scheme: str = "https") -> Any:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        judge(status, headers or {}, written, scheme)
    except TryAgain as again:
        return "again", again.after
    except Undeliverable as never:
        return "never", never.reason
    return "arrived"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success(status: int) -> None:
    assert outcome(status) == "arrived"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert outcome(status) == ("again", None)
    assert outcome(status, headers={"retry-after": "7"}) == ("again", 7.0)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422])
def test_what_will_not_pass_is_given_up(status: int) -> None:
    verdict, reason = outcome(status)
    assert verdict == "never"
    assert str(status) in reason


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999", 21600.0),
        ("Fri, 27 Nov 2026 12:01:00 GMT", 60.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
        ("", None),
    ],
)
def test_the_time_that_a_receiver_asks_for(given: str, seconds: float | None) -> None:
    noon = 1_795_780_800.0
    assert retry_after({"Retry-After": given}, now=lambda: noon) == seconds


def test_telegram_says_it_in_the_body() -> None:
    assert outcome(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 9}}) == ("again", 9.0)


@pytest.mark.parametrize(
    ("scheme", "body", "verdict"),
    [
        ("wecombot", {"errcode": 0, "errmsg": "ok"}, "arrived"),
        ("wecombot", {"errcode": 45009, "errmsg": "api freq out of limit"}, ("again", 60.0)),
        ("wecombot", {"errcode": -1, "errmsg": "system busy"}, ("again", 60.0)),
        ("wecombot", {"errcode": 93000, "errmsg": "invalid webhook url"},
         ("never", "the receiver answered errcode 93000: invalid webhook url")),
        ("dingtalk", {"errcode": 0}, "arrived"),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, ("again", 60.0)),
        ("dingtalk", {"errcode": 410100}, ("again", 60.0)),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"},
         ("never", "the receiver answered errcode 310000: sign not match")),
        ("feishu", {"code": 0, "StatusCode": 0}, "arrived"),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}, "arrived"),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, ("again", 60.0)),
        ("lark", {"code": 9499, "msg": "Bad Request"}, ("never", "the receiver answered code 9499: Bad Request")),
        ("slack", {"errcode": 93000}, "arrived"),
    ],
)  # fmt: skip
def test_services_that_refuse_with_the_status_200(scheme: str, body: Any, verdict: Any) -> None:
    assert outcome(200, body, scheme=scheme) == verdict


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"\xff", b"{" * 100_000, b'{"errcode": null}'])
@pytest.mark.parametrize("scheme", ["wecombot", "https"])
def test_an_answer_of_nonsense_breaks_nothing(body: bytes, scheme: str) -> None:
    for status in (200, 400, 429):
        outcome(status, body, scheme=scheme)


def test_what_a_receiver_says_is_short_and_printable() -> None:
    assert outcome(400, b"no_text") == ("never", "the receiver answered 400: no_text")
    assert outcome(400, b"<html>") == ("never", "the receiver answered 400")
    assert len(outcome(400, {"message": "x" * 10_000})[1]) < 200

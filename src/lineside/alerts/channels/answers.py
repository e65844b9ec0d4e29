"""What an answer over HTTP means: it has arrived, try again, or never."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

from lineside.ports import TryAgain, Undeliverable

_TRANSIENT: Final = frozenset({408, 409, 423, 425, 429})
_LONGEST_WAIT: Final = 6 * 3600.0
_A_MINUTE: Final = 60.0

WECOM_BUSY: Final = frozenset({-1, 45009, 45033})
"""The system is busy; more than 20 messages a minute; too many requests at once."""

DINGTALK_BUSY: Final = frozenset({-1, 88, 130101, 410100})
"""The system is busy; the limit of all interfaces; more than 20 messages a minute, under two numbers."""

FEISHU_BUSY: Final = frozenset({11232, 11233, 230020})
"""More than 100 messages a minute or 5 a second, of the bot, of its tenant, and of a chat."""


def judge(status: int, headers: Mapping[str, str], body: bytes, scheme: str = "https") -> None:
    """Return if a message has arrived.

    Args:
        status: of the answer.
        headers: of the answer, by any spelling.
        body: the beginning of the answer.
        scheme: of the address: some services refuse in the body of a successful answer.

    Raises:
        TryAgain: with the time that the receiver asks for.
        Undeliverable: saying what the receiver said, as numbers and short texts.
    """
    if status in _TRANSIENT or status >= 500:
        raise TryAgain(f"the receiver answered {status}", retry_after(headers, body))
    if 300 <= status < 400:
        raise Undeliverable(f"the receiver answered {status}, a redirect, which is not followed")
    if status >= 400:
        raise Undeliverable(f"the receiver answered {status}{_said(body)}")
    if (check := _IN_BODY.get(scheme)) is not None:
        check(_document(body))


def retry_after(headers: Mapping[str, str], body: bytes = b"", now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that an answer asks to wait, at most six hours; None if it does not say.

    ``Retry-After`` holds seconds or a date (RFC 9110, section 10.2.3); Telegram writes ``parameters.retry_after``.
    """
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "").strip()
    seconds: float | None = None
    if given.isascii() and given.isdigit():
        seconds = float(given[:9])
    elif given:
        try:
            date = parsedate_to_datetime(given)
        except (TypeError, ValueError):
            return None
        seconds = (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp() - now()
    else:
        parameters = _document(body).get("parameters")
        asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
        seconds = float(asked) if isinstance(asked, (int, float)) else None
    return None if seconds is None else min(max(0.0, seconds), _LONGEST_WAIT)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(body: bytes) -> str:
    """Return the short text that a receiver gave for its refusal, if it gave one."""
    document = _document(body)
    for name in ("errmsg", "msg", "description", "error", "message"):
        if isinstance(said := document.get(name), str) and said:
            return f": {said[:120]}"
    plain = body[:120].decode(errors="replace").strip()
    return f": {plain}" if plain.isprintable() and plain and not plain.startswith(("<", "{")) else ""


def _by_code(name: str, busy: frozenset[int]) -> Callable[[dict[str, Any]], None]:
    def check(document: dict[str, Any]) -> None:
        code = document.get(name, document.get("StatusCode", 0))
        if code == 0:
            return
        said = document.get("errmsg") or document.get("msg") or ""
        reason = f"the receiver answered {name} {code}" + (f": {str(said)[:120]}" if said else "")
        if code in busy:
            raise TryAgain(reason, _A_MINUTE)
        raise Undeliverable(reason)

    return check


_IN_BODY: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    "wecombot": _by_code("errcode", WECOM_BUSY),
    "dingtalk": _by_code("errcode", DINGTALK_BUSY),
    "feishu": _by_code("code", FEISHU_BUSY),
    "lark": _by_code("code", FEISHU_BUSY),
}
"""Services that answer 200 and say in the body that they have refused."""

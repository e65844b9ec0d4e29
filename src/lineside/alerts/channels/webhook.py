"""Alerts as JSON to an address of one's own."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlunsplit

from lineside.alerts.channels.answers import judge
from lineside.alerts.channels.policy import PinnedHttp, PinnedHttps, checked_addresses, target
from lineside.ports import TryAgain

_TIMEOUT: Final = 10.0
_MOST_OF_ANSWER: Final = 16 << 10
VERSION: Final = 1
"""Of the document that is sent; a later one only adds to it."""


def send(address: str, key: str, payload: Mapping[str, Any]) -> None:
    """Post an alert as ``{"version": 1, "kind": "alert", "key": …, "alert": {…}}``.

    The header ``Idempotency-Key`` is the same at each try, so that a receiver can tell what it has already. Redirects
    are not followed, and proxies are not used: the address that was checked is the one that is connected to.

    Raises:
        TryAgain, Undeliverable: see `lineside.ports.Sender`.
    """
    parts, private = target(address)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    body = json.dumps(
        {"version": VERSION, "kind": "alert", "key": key, "alert": dict(payload)}, ensure_ascii=False
    ).encode(errors="replace")
    failure: Exception | None = None
    for checked in checked_addresses(host, port, private=private):
        kind = PinnedHttps if parts.scheme == "https" else PinnedHttp
        connection = kind(host, port, checked, _TIMEOUT)
        try:
            _post(connection, parts, key, body)
            return
        except (OSError, HTTPException) as error:  # the next address may do
            failure = error
        finally:
            connection.close()
    raise TryAgain(_reason(failure))


def _post(connection: HTTPConnection, parts: SplitResult, key: str, body: bytes) -> None:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": key,
        "User-Agent": "lineside",
    }
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    connection.request("POST", urlunsplit(("", "", parts.path or "/", parts.query, "")), body, headers)
    answer = connection.getresponse()
    judge(answer.status, dict(answer.getheaders()), answer.read(_MOST_OF_ANSWER))


def _reason(failure: Exception | None) -> str:
    """Say what failed in words of our own: messages of libraries may hold the address."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return "the receiver's certificate is not valid"
    if isinstance(failure, TimeoutError):
        return "the receiver did not answer in time"
    return f"the receiver cannot be reached ({type(failure).__name__})"

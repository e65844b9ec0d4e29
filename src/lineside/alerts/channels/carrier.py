"""`requests`, as the plugins of Apprise see it: their calls are carried on our terms, and their answers are read.

Apprise tells only whether a service took a message. Why it did not, and when to come back, stands in the answer, which
some services give with the status 200. So the name ``requests`` in a plugin's module is bound to a `Carrier`, which
passes everything on, and during a send of ours keeps the answer, follows no redirect and sets deadlines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests

_TIMEOUT: Final = (5.0, 15.0)
_MOST_OF_ANSWER: Final = 16 << 10


@dataclass(slots=True)
class Exchange:
    """One send.

    Attributes:
        endpoint: scheme and host to talk to instead of the service's own; None for that.
        status: of the newest answer; None where none came.
        headers: of it.
        body: the beginning of it.
        failure: why none came.
    """

    endpoint: str | None = None
    status: int | None = None
    headers: dict[str, str] | None = None
    body: bytes = b""
    failure: str | None = None


_current: ContextVar[Exchange | None] = ContextVar("lineside_exchange", default=None)


class Carrier:
    """Stands for the module ``requests``; outside of an `exchange` it is nothing else."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Carry one request."""
        exchange = _current.get()
        if exchange is None:
            return requests.request(method, url, **options)  # noqa: S113 - Apprise gives it
        options |= {"timeout": _TIMEOUT, "allow_redirects": False}
        try:
            answer = requests.request(method, _moved(url, exchange.endpoint), **options)  # noqa: S113 - stands in them
        except requests.RequestException as error:
            # Its message holds the address.
            exchange.status, exchange.failure = None, _reason(error)
            raise
        exchange.status, exchange.headers = answer.status_code, dict(answer.headers)
        exchange.body = answer.content[:_MOST_OF_ANSWER]
        return answer

    def get(self, url: str, **options: Any) -> requests.Response:
        """Carry a GET."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        """Carry a POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        """Carry a PUT."""
        return self.request("PUT", url, **options)


def _moved(url: str, endpoint: str | None) -> str:
    if endpoint is None:
        return url
    to, parts = urlsplit(endpoint), urlsplit(url)
    return urlunsplit((to.scheme, to.netloc, to.path.rstrip("/") + parts.path, parts.query, ""))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the receiver did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the receiver's certificate is not valid"
    return f"the receiver cannot be reached ({type(error).__name__})"


@contextmanager
def exchange(plugin: object, endpoint: str | None) -> Iterator[Exchange]:
    """Carry what a plugin sends, on this thread, and keep the answer."""
    module = sys.modules[type(plugin).__module__]
    if isinstance(getattr(module, "requests", None), type(requests)):
        module.requests = Carrier()  # type: ignore[attr-defined] # checked a line above
    kept = Exchange(endpoint)
    token = _current.set(kept)
    try:
        yield kept
    finally:
        _current.reset(token)

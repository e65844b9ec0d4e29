"""Where alerts arrive: a robot of WeCom's, a mailbox, and a webhook of the company's own; real servers on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

KEY = "6f1c-circle"
"""Of the robot; WeCom refuses any other."""
LONGEST = 2048
"""Bytes of a message that WeCom takes."""
Place = Literal["WeCom", "mail", "webhook"]


@dataclass(frozen=True)
class Arrival:
    """Something that arrived.

    Attributes:
        time: seconds since 1970.
        place: where.
        title: its first line.
        key: the idempotency key, where the place gets one.
        refused: what the receiver answered instead of taking it.
    """

    time: float
    place: Place
    title: str
    key: str | None = None
    refused: str | None = None


class Receivers:
    """All of them. The webhook answers 503 while `is_down`.

    Attributes:
        arrivals: what came, in order.
        faults: what a message did wrong by the rules of WeCom.
        is_down: whether the webhook is out of order.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.faults: list[str] = []
        self.is_down = False
        self._lock = threading.Lock()

    def arrived(self, place: Place, title: str, key: str | None = None, refused: str | None = None) -> None:
        """Write something down."""
        with self._lock:
            self.arrivals.append(Arrival(time.time(), place, title, key, refused))

    def titles(self, place: Place) -> list[str]:
        """Return what a place has taken, in order."""
        with self._lock:
            return [one.title for one in self.arrivals if one.place == place and one.refused is None]

    @contextmanager
    def open(self) -> Iterator[dict[str, str]]:
        """Open all servers; return the variables with their addresses."""
        http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        mail = Controller(_Mailbox(self), hostname="127.0.0.1", port=_free_port())
        mail.start()
        here = f"http://127.0.0.1:{http.server_port}"
        try:
            yield {
                "CIRCLE_WECOM": f"wecombot://{KEY}?endpoint={here}",
                "CIRCLE_MAIL": f"mailto://127.0.0.1:{mail.port}",
                "CIRCLE_WEBHOOK": f"{here}/alerts",
            }
        finally:
            mail.stop()
            http.shutdown()
            http.server_close()


def _free_port() -> int:
    import socket

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class _Mailbox:
    """What aiosmtpd hands a mail to."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - its name there
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self._receivers.arrived("mail", str(mail["Subject"]))
        return "250 OK"


def _handler(receivers: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            address = urlsplit(self.path)
            if address.path == "/cgi-bin/webhook/send":
                self._answer(200, _robot(receivers, parse_qs(address.query).get("key", []), body))
                return
            title, key = json.loads(body)["alert"]["title"], self.headers["Idempotency-Key"]
            if receivers.is_down:
                receivers.arrived("webhook", title, key, "503")
                self._answer(503, {})
            else:
                receivers.arrived("webhook", title, key)
                self._answer(200, {})

        def _answer(self, status: int, document: Any) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _robot(receivers: Receivers, key: list[str], body: bytes) -> dict[str, Any]:
    """Answer as WeCom's group robot does: always 200, and what is wrong in ``errcode``."""
    if key != [KEY]:
        receivers.faults.append(f"the key {key} is not the robot's")
        return {"errcode": 93000, "errmsg": "invalid webhook url"}
    message = json.loads(body)
    kind = message.get("msgtype")
    if kind == "image":
        return {"errcode": 0, "errmsg": "ok"}
    content = message.get(kind, {}).get("content") if kind in ("text", "markdown") else None
    if not isinstance(content, str) or len(content.encode()) > LONGEST:
        receivers.faults.append(f"no message of WeCom's: {body[:200]!r}")
        return {"errcode": 40008, "errmsg": "invalid message type"}
    title = next(line.strip("# *>").strip() for line in content.splitlines() if line.strip())
    receivers.arrived("WeCom", title)
    return {"errcode": 0, "errmsg": "ok"}

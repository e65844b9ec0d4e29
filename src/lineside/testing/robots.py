"""`RobotServer`: chats on loopback that speak the protocols of WeCom, DingTalk, Feishu and Slack, and check what comes.

They refuse what the services refuse, in the words of the services: a key that nobody knows, a text that is too long, a
signature that does not match, more than twenty messages a minute.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

_WECOM_TEXT, _WECOM_MARKDOWN, _WECOM_PICTURE = 2048, 4096, 2 << 20
_REQUEST = 20_000
_PER_MINUTE: Final = 20
_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was accepted.

    Attributes:
        service: ``wecom``, ``dingtalk``, ``feishu`` or ``slack``.
        text: as a person reads it; ``""`` for a picture.
        document: all of it.
        at: when, in seconds since 1970.
    """

    service: str
    text: str
    document: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    body: Mapping[str, Any] | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class RobotServer:
    """A context manager; its address is ``endpoint``, which an alert's address takes as ``?endpoint=…``.

    Args:
        key: of WeCom's robot, of DingTalk's and Feishu's (there called a token), and the last part of Slack's path.
        secret: with which DingTalk's messages must be signed; None if they need not be.
        clock: seconds since 1970.

    Attributes:
        received: what was accepted, in order.
        requests: how many came in all.
        replies: answers to give to the next requests instead, whatever they hold.
    """

    def __init__(
        self, key: str = "0123456789abcdef", secret: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.key, self.secret, self.clock = key, secret, clock
        self.received: list[Received] = []
        self.requests = 0
        self.replies: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        """Where it listens. Raises `RuntimeError` where it does not, which is outside of ``with``."""
        if self._server is None:
            raise RuntimeError("A RobotServer listens within 'with RobotServer() as robot:'.")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def answer(self, target: str, body: bytes) -> Reply:
        """Return the answer to a request, and keep its message if it is accepted."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with self._lock:
            self.requests += 1
            if self.replies:
                return self.replies.popleft()
            try:
                document = json.loads(body.decode())
            except (ValueError, UnicodeDecodeError):
                return Reply({"errcode": 47001, "errmsg": "data format error", "code": 9499, "msg": "Bad Request"})
            return self._of_service(parts.path.strip("/").split("/"), query, document, len(body))

    def _of_service(self, path: list[str], query: Mapping[str, str], document: Any, size: int) -> Reply:
        match path:
            case ["cgi-bin", "webhook", "send"]:
                return self._wecom(query, document)
            case ["robot", "send"]:
                return self._dingtalk(query, document, size)
            case ["open-apis", "bot", "v2", "hook", token]:
                return self._feishu(token, document, size)
            case ["services", _, _, token]:
                return self._slack(token, document)
            case _:
                return Reply("no such page", 404)

    def _keep(self, service: str, text: str, document: Mapping[str, Any]) -> None:
        self.received.append(Received(service, text, document, self.clock()))

    def _too_many(self, service: str) -> bool:
        since = self.clock() - 60.0
        return sum(one.service == service and one.at > since for one in self.received) >= _PER_MINUTE

    def _wecom(self, query: Mapping[str, str], document: Any) -> Reply:
        """https://developer.work.weixin.qq.com/document/path/91770."""
        if query.get("key") != self.key:
            return Reply({"errcode": 93000, "errmsg": "invalid webhook url, hint: [1]"})
        if self._too_many("wecom"):
            return Reply({"errcode": 45009, "errmsg": "api freq out of limit"})
        kind = document.get("msgtype")
        content = document.get(kind, {}).get("content", "")
        if kind == "image":
            picture = base64.b64decode(document["image"]["base64"], validate=True)
            if len(picture) > _WECOM_PICTURE or hashlib.md5(picture).hexdigest() != document["image"]["md5"]:  # noqa: S324 - WeCom's own
                return Reply({"errcode": 40009, "errmsg": "invalid image size"})
        elif kind not in ("text", "markdown"):
            return Reply({"errcode": 40008, "errmsg": "invalid message type"})
        elif not content or len(content.encode()) > (_WECOM_TEXT if kind == "text" else _WECOM_MARKDOWN):
            return Reply({"errcode": 40058, "errmsg": f"{kind}.content exceed max length. invalid Request Parameter"})
        self._keep("wecom", content, document)
        return Reply({"errcode": 0, "errmsg": "ok"})

    def _dingtalk(self, query: Mapping[str, str], document: Any, size: int) -> Reply:
        """https://open.dingtalk.com/document/robots/custom-robot-access."""
        if query.get("access_token") != self.key:
            return Reply({"errcode": 300005, "errmsg": "token is not exist"})
        if self.secret is not None and not self._is_signed(query):
            return Reply({"errcode": 310000, "errmsg": "sign not match"})
        if self._too_many("dingtalk"):
            return Reply({"errcode": 410100, "errmsg": "send too fast, exceed 20 times per minute"})
        text = document.get("text", {}).get("content") or document.get("markdown", {}).get("text")
        if document.get("msgtype") not in ("text", "markdown") or not text or size > _REQUEST:
            return Reply({"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"})
        self._keep("dingtalk", text, document)
        return Reply({"errcode": 0, "errmsg": "ok"})

    def _is_signed(self, query: Mapping[str, str]) -> bool:
        """HmacSHA256 over timestamp, line break and secret, in base64; the timestamp no more than an hour old."""
        timestamp, secret = query.get("timestamp", ""), self.secret or ""
        digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
        fresh = timestamp.isdigit() and abs(self.clock() - int(timestamp) / 1e3) < _HOUR
        return fresh and hmac.compare_digest(query.get("sign", ""), base64.b64encode(digest).decode())

    def _feishu(self, token: str, document: Any, size: int) -> Reply:
        """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot."""
        if token != self.key:
            return Reply({"code": 19001, "msg": "param invalid: incoming webhook access token invalid"})
        if size > _REQUEST:
            return Reply({"code": 9499, "msg": "Bad Request", "data": {}})
        text = document.get("content", {}).get("text")
        if document.get("msg_type") != "text" or not text:
            return Reply({"code": 9499, "msg": "Bad Request", "data": {}})
        self._keep("feishu", text, document)
        return Reply({"code": 0, "data": {}, "msg": "success", "StatusCode": 0, "StatusMessage": "success"})

    def _slack(self, token: str, document: Any) -> Reply:
        """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
        if token != self.key:
            return Reply("invalid_token", 403)
        found = [document.get("text"), *(one.get("text") for one in document.get("attachments", []))]
        text = "\n".join(filter(None, found))
        if not text:
            return Reply("no_text", 400)
        self._keep("slack", text, document)
        return Reply("ok")


def _handler(robots: RobotServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = robots.answer(self.path, body)
            written = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            kind = "text/plain" if isinstance(reply.body, str) else "application/json"
            self.send_response(reply.status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(written)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written.encode())

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - named by the library
            """Say nothing: targets hold keys."""

    return Handler

"""A receiver on loopback that knows what it has by key, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """Counts effects: the first time that a key arrives is one, every other is none.

    Attributes:
        arrived: keys in the order in which they had their effect, by path.
        repeats: how often a key arrived that was there already.
        trouble: what it does instead of answering: ``hang``, ``500``, ``429``, ``drip``; by path.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.arrived: dict[str, list[str]] = {}
        self.payloads: list[dict] = []
        self.asked: list[tuple[float, str]] = []
        self.repeats = 0
        self.trouble: dict[str, str] = {}
        self.lock = threading.Lock()
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def address(self, path: str = "a") -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def asked_at(self, path: str) -> int:
        """Return how often a path was asked for."""
        with self.lock:
            return sum(asked == f"/{path}" for _, asked in self.asked)

    def handle_error(self, request, client_address) -> None:
        """A sender that was killed hangs up."""

    @property
    def keys(self) -> list[str]:
        return [key for keys in self.arrived.values() for key in keys]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *arguments) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((time.monotonic(), self.path))
        trouble = self.server.trouble.get(self.path)
        if trouble == "hang":
            self.server.ended.wait()
        elif trouble == "drip":
            self._drip()
        elif trouble == "500":
            self._answer(500)
        elif trouble is not None and trouble.startswith("429"):
            self._answer(429, {"Retry-After": trouble.partition(" ")[2] or "1"})
        else:
            self._take(body)
            self._answer(200)

    def _take(self, body) -> None:
        key = self.headers["Idempotency-Key"]
        with self.server.lock:
            arrived = self.server.arrived.setdefault(self.path, [])
            if key in arrived:
                self.server.repeats += 1
            else:
                arrived.append(key)
                self.server.payloads.append(body | {"path": self.path})

    def _answer(self, status: int, headers=()) -> None:
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        """A byte a second, for ever: every single read is answered in time."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
        while not self.server.ended.wait(1.0):
            self.wfile.write(b"x")
            self.wfile.flush()


@contextmanager
def receiving():
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        receiver.shutdown()
        receiver.server_close()

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from lineside.alerts.channels import policy
from lineside.ports import TryAgain, Undeliverable
from tests.unit.alerts.channels.payloads import payload, send


class Hook:
    """A receiver; answers with `status` and `headers`."""

    def __init__(self, certificate: Any = None) -> None:
        hook, self.status, self.headers = self, 200, {}
        self.requests: list[tuple[str, dict[str, str], Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.requests.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                for name, value in ({"Content-Length": "0"} | hook.headers).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_is_json_with_an_idempotency_key(hook: Hook) -> None:
    address = f"http://ada:p%40ss@127.0.0.1:{hook.port}/a%20b?x=1&y=%E9"
    send(address, key="key-7", title='损失 <异常> & "x"')
    ((path, headers, document),) = hook.requests
    assert path == "/a%20b?x=1&y=%E9"
    assert headers["Idempotency-Key"] == "key-7"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Authorization"] == "Basic YWRhOnBAc3M="
    assert headers["Host"] == f"127.0.0.1:{hook.port}"
    assert document == {
        "version": 1, "kind": "alert", "key": "key-7", "alert": payload(title='损失 <异常> & "x"'),
    }  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hook: Hook, status: int) -> None:
    hook.status, hook.headers = status, {"Location": f"http://127.0.0.1:{hook.port}/other"}
    with pytest.raises(Undeliverable, match="redirect"):
        send(f"http://127.0.0.1:{hook.port}/")
    assert len(hook.requests) == 1


def test_what_the_receiver_asks_for_is_told(hook: Hook) -> None:
    hook.status, hook.headers = 503, {"Retry-After": "30"}
    with pytest.raises(TryAgain) as again:
        send(f"http://127.0.0.1:{hook.port}/")
    assert again.value.after == 30.0


def test_nobody_there() -> None:
    with pytest.raises(TryAgain, match=r"cannot be reached \(ConnectionRefusedError\)"):
        send("http://127.0.0.1:9/")


def test_metadata_services_are_not_sent_to() -> None:
    for address in ("https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/", "https://10.0.0.1/x"):
        with pytest.raises(Undeliverable, match="private"):
            send(address)


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A certificate authority that this process trusts."""
    trustme = pytest.importorskip("trustme")
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def test_the_address_that_was_checked_is_connected_to_and_the_name_is_what_the_certificate_must_fit(
    authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Hook(authority.issue_cert("hooks.example.com"))
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])  # a name that stands for something else when it is asked again
    asked: list[str] = []

    def lookup(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(policy.checked_addresses, "__kwdefaults__", {"lookup": lookup})
    try:
        send(f"private+https://hooks.example.com:{made.port}/x")
        assert asked == ["hooks.example.com"]
        ((path, headers, _),) = made.requests
        assert (path, headers["Host"]) == ("/x", f"hooks.example.com:{made.port}")
    finally:
        made.server.shutdown()
        made.server.server_close()


def test_a_certificate_for_another_name_is_refused(authority: Any) -> None:
    made = Hook(authority.issue_cert("other.example.com"))
    try:
        with pytest.raises(TryAgain, match="certificate is not valid"):
            send(f"https://localhost:{made.port}/")
        assert made.requests == []
    finally:
        made.server.shutdown()
        made.server.server_close()

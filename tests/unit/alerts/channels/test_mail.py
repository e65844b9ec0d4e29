"""Mail, against a server on loopback that speaks SMTP with STARTTLS."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from lineside.alerts.channels.mail import MailServer
from lineside.ports import TryAgain, Undeliverable
from tests.unit.alerts.channels.payloads import TIME, send
from tests.unit.alerts.channels.test_services import PIXEL

pytest.importorskip("aiosmtpd")
trustme = pytest.importorskip("trustme")


class Post:
    """Takes mail, as a handler of aiosmtpd's; refuses recipients and mails with the codes that it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.refuse: dict[str, str] = {}
        self.answer = "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.envelopes.append((session.ssl is not None, session.auth_data, envelope.rcpt_tos))
            made = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(made, EmailMessage)
            self.mails.append(made)
        return self.answer


def login(_server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> Any:
    from aiosmtpd.smtp import AuthResult

    right = (data.login, data.password) == (b"ada@example.com", b"p@sswort/1")
    return AuthResult(success=right, handled=False, auth_data=data.login.decode())


def started(post: Post, tls: ssl.SSLContext | None, **options: Any) -> Any:
    from aiosmtpd.controller import Controller

    class Anywhere(Controller):
        """Listens at a port that the system chooses."""

        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    made = Anywhere(
        post, hostname="127.0.0.1", port=0, tls_context=tls, authenticator=login, auth_require_tls=tls is not None,
        enable_SMTPUTF8=True, **options,
    )  # fmt: skip
    made.start()
    return made


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def port(post: Post, tls: ssl.SSLContext) -> Iterator[int]:
    server = started(post, tls, require_starttls=True)
    yield server.port
    server.stop()


def address(port: int, query: str = "to=bob@example.com", user: str = "ada@example.com:p%40sswort%2F1") -> str:
    return f"mailtos://{user}@localhost:{port}?{query}"


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


def test_an_alert_by_starttls_with_a_login(post: Post, port: int) -> None:
    send(address(port), key="key-9", title="损失 <b>异常</b>", language="zh")
    assert post.envelopes == [(True, "ada@example.com", ["bob@example.com"])]
    (mail,) = post.mails
    assert mail["Subject"] == "警告：损失 <b>异常</b>"
    assert (mail["From"], mail["To"]) == ("ada@example.com", "bob@example.com")
    assert mail["Message-ID"] == "<key-9@lineside.invalid>"
    assert mail["Date"].datetime.timestamp() == TIME
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = parts(mail)
    assert plain.startswith("警告：损失 <b>异常</b>\nIt has held for 2 epochs.\n\n训练：digits / run-1")
    assert "损失 &lt;b&gt;异常&lt;/b&gt;" in html
    assert '<html lang="zh">' in html
    assert "cid:" not in html


def test_the_beginning_and_the_end_of_one_matter_are_one_thread(post: Post, port: int) -> None:
    send(address(port), key="a")
    send(address(port), key="b", phase="end")
    send(address(port), key="c", author="another")
    first, second, third = (mail["References"] for mail in post.mails)
    assert first == second != third


def test_the_picture_is_in_the_page(post: Post, port: int, tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(PIXEL)
    send(address(port), plot="plot.png", directory=tmp_path)
    (mail,) = post.mails
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content() == PIXEL
    assert picture["Content-ID"] == "<plot>"
    assert 'src="cid:plot"' in parts(mail)[1]


def test_a_title_cannot_add_a_header(post: Post, port: int) -> None:
    send(address(port), title="x\r\nBcc: eve@example.com\n\nbody", run="y\r\nBcc: eve@example.com")
    (mail,) = post.mails
    assert mail["Bcc"] is None
    assert post.envelopes[0][2] == ["bob@example.com"]


@pytest.mark.parametrize(
    ("reply", "raised"), [("450 busy", TryAgain), ("550 no such user", Undeliverable), ("554 no", Undeliverable)]
)
def test_what_the_server_answers_decides(post: Post, port: int, reply: str, raised: type[Exception]) -> None:
    post.refuse["bob@example.com"] = reply
    with pytest.raises(raised, match=reply[:3]):
        send(address(port))
    post.refuse, post.answer = {}, reply
    with pytest.raises(raised, match=reply[:3]):
        send(address(port))
    assert post.mails == []


def test_a_wrong_password_is_given_up_and_not_shown(post: Post, port: int) -> None:
    with pytest.raises(Undeliverable, match="535: the login was refused") as refused:
        send(address(port, user="ada@example.com:wrong-password"))
    assert "wrong-password" not in refused.value.reason


def test_a_password_that_python_cannot_log_in_with_is_said(post: Post, port: int) -> None:
    with pytest.raises(Undeliverable, match="ASCII"):
        send(address(port, user="ada@example.com:p%C3%A4ss"))


def test_a_certificate_that_nobody_vouches_for(post: Post, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(TryAgain, match="certificate is not valid"):
        send(address(port))


def test_without_starttls_mailtos_is_refused_and_mailto_is_not(post: Post) -> None:
    server = started(post, None)
    try:
        port = server.port
        with pytest.raises(Undeliverable, match="STARTTLS"):
            send(f"mailtos://localhost:{port}?to=bob@example.com")
        send(f"mailto://localhost:{port}?to=bob@example.com,eve@example.com&from=run@example.com")
        assert post.envelopes == [(False, None, ["bob@example.com", "eve@example.com"])]
        assert post.mails[0]["From"] == "run@example.com"
    finally:
        server.stop()


def test_a_password_is_not_sent_without_encryption_to_another_machine(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineside.alerts.channels.mail.is_loopback", lambda _: False)
    server = started(post, None)
    try:
        with pytest.raises(Undeliverable, match="a password is not sent without it"):
            send(f"mailto://ada:secret@127.0.0.1:{server.port}?to=bob@example.com")
        assert post.mails == []
    finally:
        server.stop()


def test_nobody_there() -> None:
    with pytest.raises(TryAgain, match=r"cannot be reached \(ConnectionRefusedError\)"):
        send("mailtos://localhost:9?to=bob@example.com")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("mailtos://ada@x.com:x@smtp.example.com?to=b@c", ("smtp.example.com", 587, "starttls", "ada@x.com")),
        ("mailtos://ada%40example.com:x@smtp.example.com:2525?to=b@c", (
            "smtp.example.com", 2525, "starttls", "ada@example.com")),
        ("mailtos://ada:x@smtp.example.com:465?to=b@c", ("smtp.example.com", 465, "ssl", "ada@smtp.example.com")),
        ("mailtos://smtp.example.com?mode=ssl&to=b@c&from=x@y", ("smtp.example.com", 465, "ssl", "x@y")),
        ("mailto://mail?to=b@c", ("mail", 25, "insecure", "lineside@mail")),
        ("mailtos://example.com?smtp=relay.example.com&user=u&pass=p&to=b@c", (
            "relay.example.com", 587, "starttls", "u@example.com")),
    ],
)  # fmt: skip
def test_how_an_address_is_read(written: str, read: tuple[str, int, str, str]) -> None:
    server = MailServer.of(written)
    assert (server.host, server.port, server.mode, server.sender) == read
    assert server.to == ("b@c",)


@pytest.mark.parametrize(
    "written",
    ["mailtos://", "mailtos://host", "mailtos://host?to=", "mailtos://h:x?to=a@b", "mailtos://h?mode=x&to=a@b"],
)
def test_what_an_address_lacks_is_said_without_showing_it(written: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        MailServer.of(written)
    assert not written[10:] or written[10:] not in refused.value.reason

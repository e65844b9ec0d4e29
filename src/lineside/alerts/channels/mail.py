"""Alerts by mail, over SMTP with STARTTLS."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from lineside.alerts.channels.mail_page import page
from lineside.alerts.channels.message import Message
from lineside.alerts.channels.policy import is_loopback
from lineside.ports import TryAgain, Undeliverable

_TIMEOUT: Final = 20.0
_PICTURE: Final = "plot"
_MODES: Final = ("starttls", "ssl", "insecure")


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """Where mail is handed in, and whose it is: ``mailtos://user:password@host:port?from=…&to=…``.

    Attributes:
        host: of the server.
        port: 587, 465 with TLS from the beginning, or 25 for ``mailto``, unless given.
        user: None to hand in without a login.
        password: of the user.
        sender: the address in ``From``; the user where that is an address.
        to: who gets it.
        mode: ``starttls`` insists on it; ``ssl`` is TLS from the beginning; ``insecure`` takes STARTTLS where there is
            some, and never sends a password without it, but to this machine itself.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    sender: str
    to: tuple[str, ...]
    mode: str

    @classmethod
    def of(cls, address: str) -> MailServer:
        """Read an address. Raises `Undeliverable`, which says what is missing and shows nothing else."""
        try:
            parts = urlsplit(address)
            port, host = parts.port, parts.hostname
        except ValueError:
            raise Undeliverable("the mail server's address cannot be read") from None
        if not host:
            raise Undeliverable("the address names no mail server: mailtos://user:password@host?to=…")
        query = parse_qs(parts.query)

        def last(name: str) -> str | None:
            return query[name][-1] if name in query else None

        # A user is often a mail address, whose @ people do not escape.
        user = unquote(parts.username) if parts.username else last("user")
        password = unquote(parts.password) if parts.password else last("pass")
        mode = last("mode") or ("insecure" if parts.scheme == "mailto" else "ssl" if port == 465 else "starttls")
        if mode not in _MODES:
            raise Undeliverable(f"the mail server's mode must be one of {', '.join(_MODES)}")
        sender = last("from") or (user if user and "@" in user else f"{user or 'lineside'}@{host}")
        to = tuple(person.strip() for group in query.get("to", []) for person in group.split(",") if person.strip())
        if not to:
            raise Undeliverable("the address names nobody: add ?to=ada@example.com")
        return cls(last("smtp") or host, port or _PORTS[mode], user, password, sender, to, mode)


_PORTS: Final = {"starttls": 587, "ssl": 465, "insecure": 25}


def send(address: str, key: str, message: Message, time: float, thread: str) -> None:
    """Hand a mail in: plain text, the same as a page, and the picture in it.

    Args:
        address: of the server.
        key: the same at each try; a reader's program may use it to show a mail once that came twice.
        message: what to say.
        time: when it was raised, in seconds since 1970.
        thread: what groups mails of the same matter.

    Raises:
        TryAgain, Undeliverable: see `lineside.ports.Sender`.
    """
    server = MailServer.of(address)
    mail = written(server, key, message, time, thread)
    try:
        with _session(server) as session:
            refused = session.send_message(mail, server.sender, list(server.to))
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPResponseException as error:
        raise _answered(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise Undeliverable("the mail server does not offer what is needed: STARTTLS, a login, or UTF-8") from None
    except ssl.SSLCertVerificationError:
        raise TryAgain("the mail server's certificate is not valid") from None
    except TimeoutError:
        raise TryAgain("the mail server did not answer in time") from None
    except (smtplib.SMTPException, OSError) as error:
        raise TryAgain(f"the mail server cannot be reached ({type(error).__name__})") from None
    if refused:
        raise _answered(max(code for code, _ in refused.values()), "a recipient was refused: ")


def _answered(code: int, before: str = "") -> TryAgain | Undeliverable:
    """Return what a reply code means (RFC 5321, section 4.2.1: 4 is transient, 5 permanent)."""
    reason = f"{before}the mail server answered {code}"
    if code in (530, 535):
        reason += ": the login was refused"
    return Undeliverable(reason) if code >= 500 else TryAgain(reason)


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    # Of this machine's name as the network knows it only the network can tell, which may take seconds.
    name = socket.gethostname() or "localhost"
    context = ssl.create_default_context()
    if server.mode == "ssl":
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=name, timeout=_TIMEOUT, context=context
        )
    else:
        session = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=_TIMEOUT)
    with session:
        encrypted = server.mode == "ssl"
        session.ehlo()
        if not encrypted and (server.mode == "starttls" or session.has_extn("starttls")):
            session.starttls(context=context)
            session.ehlo()
            encrypted = True
        if server.user is not None and server.password is not None:
            if not encrypted and not is_loopback(server.host):
                raise Undeliverable("the mail server offers no STARTTLS, and a password is not sent without it")
            try:
                session.login(server.user, server.password)
            except UnicodeEncodeError:
                raise Undeliverable(
                    "user and password must be ASCII: Python's SMTP logs in with nothing else"
                ) from None
        yield session


def written(server: MailServer, key: str, message: Message, time: float, thread: str) -> EmailMessage:
    """Return the mail."""
    mail = EmailMessage()
    mail["Subject"] = message.heading[:200]
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(time, UTC))
    mail["Message-ID"] = f"<{key}@lineside.invalid>"
    mail["References"] = f"<{thread}@lineside.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.plain() + "\n")
    picture = message.picture.read_bytes() if message.picture is not None else None
    mail.add_alternative(page(message, _PICTURE if picture is not None else None), subtype="html")
    if picture is not None:
        _, html = mail.iter_parts()
        html.add_related(picture, "image", "png", cid=f"<{_PICTURE}>", filename="plot.png", disposition="inline")
    return mail

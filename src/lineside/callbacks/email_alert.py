"""Alerts by mail, to a list of people."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Final, Unpack, get_args
from urllib.parse import quote

from lineside.alerts.destinations import checked, explain_missing
from lineside.callback import Callback, CallbackOptions
from lineside.destination import Address, scheme
from lineside.errors import OptionError, nearest
from lineside.ports import Level, Route, RunView
from lineside.secret import Secret

log = logging.getLogger("lineside")

_PERSON: Final = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_ORDER: Final = get_args(Level)


class EmailAlertCallback(Callback):
    """Sends every alert of a run, whoever raised it, to a list of people by mail.

    Each person gets a mail of their own, so that an address that bounces costs the others nothing.

    Args:
        to: addresses of people, such as ``["ada@example.com"]``.
        server: the mail server: ``"mailtos://user:${MAIL_PASSWORD}@smtp.example.com"`` (STARTTLS on port 587 unless
            another is given), or ``"$LINESIDE_MAIL"``, a variable that holds such an address.
        sender: the address in ``From``; the user of `server` unless given.
        level: alerts of this level and above are sent: ``"info"``, ``"warning"`` or ``"error"``.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an address is none, or an option has another wrong value.
    """

    def __init__(
        self,
        to: str | Sequence[str],
        *,
        server: Address | Secret = "$LINESIDE_MAIL",
        sender: str | None = None,
        level: Level = "warning",
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        self.to = (to,) if isinstance(to, str) else tuple(to)
        self.sender = sender
        self.level: Level = level
        self._check(server)
        levels = frozenset(_ORDER[_ORDER.index(level) :])
        self.routes = tuple(Route(_addressed(server, person, sender), levels) for person in self.to)

    def _check(self, server: Address | Secret) -> None:
        if not self.to:
            raise OptionError(f"{self.name}: to=[] names nobody; give addresses such as ['ada@example.com'].")
        people: dict[str, Sequence[Any]] = {"to": self.to, "sender": () if self.sender is None else (self.sender,)}
        for option, addresses in people.items():
            for address in addresses:
                if not isinstance(address, str) or _PERSON.fullmatch(address) is None:
                    raise OptionError(f"{self.name}: {option}: {address!r} is no mail address such as ada@example.com.")
        if self.level not in _ORDER:
            words = ", ".join(map(repr, _ORDER))
            raise OptionError(f"{self.name}: level={self.level!r}.{nearest(str(self.level), _ORDER)} Use {words}.")
        checked(server, f"{self.name}: server")
        if scheme(server.reveal() if isinstance(server, Secret) else server) not in (None, "mailto", "mailtos"):
            raise OptionError(
                f"{self.name}: server must be mailtos://… (or mailto://…, which also takes a server without STARTTLS), "
                "or the name of a variable that holds such an address."
            )

    def on_setup(self, run: RunView) -> None:
        """Say what the server's address lacks."""
        for missing in list(explain_missing(self.routes))[:1]:
            log.warning("%s: %s Until then its mails wait.", self.name, missing)


def _addressed(server: str | Secret, person: str, sender: str | None) -> str | Secret:
    """Return the address of one person behind a server."""
    written = server.reveal() if isinstance(server, Secret) else server
    # What is a reference as a whole stands as one with braces, so that something can follow.
    if re.fullmatch(r"\$[A-Za-z_]\w*", written):
        written = f"${{{written[1:]}}}"
    elif written.startswith("file:/"):
        written = f"${{{written}}}"
    query = f"to={quote(person)}" + (f"&from={quote(sender)}" if sender is not None else "")
    whole = f"{written}{'&' if '?' in written else '?'}{query}"
    return Secret(whole) if isinstance(server, Secret) else whole

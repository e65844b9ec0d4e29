"""Addresses of destinations: written so that secrets stay outside, and put together where something is sent.

A reference is an address whose secret parts are named instead of written out::

    wecombot://${WECOM_KEY}                      from the environment
    mailtos://me:${file:/run/secrets/mail}@…     from a file
    $LINESIDE_ALERTS    file:/run/secrets/alerts the whole address

References are stored and shown; what they stand for never is.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from lineside.errors import DestinationUnresolved
from lineside.secret import Secret, holds_password, named_like_a_secret

NAMES_SECRETS: Final = "names its secrets"
"""Marks the annotation of an option whose references are kept as they are written, wherever they are read from."""

Address = Annotated[str, NAMES_SECRETS]
"""An address, as this module reads it."""

_WHOLE: Final = re.compile(r"\$([A-Za-z_]\w*)|file:(/.+)")
_PART: Final = re.compile(r"\$\{(?:file:(/[^}]+)|([A-Za-z_]\w*))\}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):")
_FINGERPRINT: Final = "literal:"
_LARGEST_FILE: Final = 64 << 10
_MAIL: Final = ("mailto", "mailtos")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, repr=False)
class Resolved:
    """An address to which something can be sent now.

    Attributes:
        address: all of it, with its secrets.
        secrets: texts that must not show in messages about it, the longest first.
    """

    address: str
    secrets: tuple[str, ...]


def reference(address: str | Secret) -> str:
    """Return what may be stored and shown of an address: itself where its secrets are named, else a fingerprint.

    The fingerprint, ``literal:<scheme>-<8 hex digits>``, is the same in every process that is given the same address.
    """
    text = address.reveal() if isinstance(address, Secret) else address
    if not isinstance(address, Secret) and not holds_secret(text):
        return text
    scheme = _SCHEME.match(text)
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{_FINGERPRINT}{scheme[1].lower() if scheme else 'address'}-{digest[:8]}"


def holds_secret(address: str) -> bool:
    """Tell whether an address may hold a secret that is written out.

    Which part of an address is the secret differs from service to service, so only these are taken for harmless: an
    address that names its secrets, mail without a password, and loopback without a path.
    """
    if _WHOLE.fullmatch(address) or address.startswith(_FINGERPRINT):
        return False
    named = _PART.sub("", address)
    if holds_password(named):
        return True
    if named != address:
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return True
    if parts.password or any(named_like_a_secret(name) or name == "pass" for name, _ in parse_qsl(parts.query)):
        return True
    return parts.scheme not in _MAIL and not (host in _LOOPBACK and parts.path in ("", "/") and not parts.username)


def scheme(address: str) -> str | None:
    """Return the scheme of an address, in lower case; None where it cannot be seen, as in ``$LINESIDE_ALERTS``."""
    found = None if _WHOLE.fullmatch(address) or address.startswith(_FINGERPRINT) else _SCHEME.match(address)
    return found[1].lower() if found else None


def is_misspelt(address: str) -> bool:
    """Tell whether something in an address begins like the name of a secret and is none."""
    return "${" in _PART.sub("", address)


def resolve(address: str, environment: Mapping[str, str] = os.environ) -> Resolved:
    """Put a reference, or a literal address, together.

    A value that takes the place of a user, a password or a part of the query is escaped for that place; elsewhere it
    stands as it is.

    Raises:
        DestinationUnresolved: a variable is not set, or a file cannot be read; the message names it, and no secret.
    """
    if address.startswith(_FINGERPRINT):
        raise DestinationUnresolved(address, "only a process that is given this address itself can use it")
    if whole := _WHOLE.fullmatch(address):
        text = _value(address, whole[1], whole[2], environment)
        return Resolved(text, _hidden(text, (text,)))
    found: list[str] = []

    def put_in(part: re.Match[str]) -> str:
        value = _value(address, part[2], part[1], environment)
        escaped = quote(value, safe="") if _is_escaped(address, part.start(), part.end()) else value
        found.extend((value, escaped))
        return escaped

    text = _PART.sub(put_in, address)
    return Resolved(text, _hidden(text, found if not holds_secret(address) else (text, *found)))


def _is_escaped(address: str, start: int, end: int) -> bool:
    """Tell whether a part stands before an ``@`` of the authority, or in the query."""
    return "?" in address[:start] or "@" in re.split(r"[/?#]", address[end:], maxsplit=1)[0]


def _value(address: str, variable: str | None, path: str | None, environment: Mapping[str, str]) -> str:
    if variable is not None:
        value = environment.get(variable, "").strip()
        if not value:
            raise DestinationUnresolved(address, f"the environment variable {variable} is not set")
        return value
    try:
        with Path(str(path)).open(encoding="utf-8") as file:
            value = file.read(_LARGEST_FILE).strip()
    except (OSError, ValueError) as error:
        how = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DestinationUnresolved(address, f"{path} cannot be read: {how}") from error
    if not value:
        raise DestinationUnresolved(address, f"{path} is empty")
    return value


def secrets_of(address: str) -> tuple[str, ...]:
    """Return the parts of a resolved address that must not show, the longest first: all longer ones but its scheme."""
    return _hidden(address, (address,))


def _hidden(address: str, secrets: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return what must not show: secrets, and of those that are addresses also their longer parts."""
    hidden = set(secrets)
    for whole in secrets:
        if whole == address or "://" in whole:
            hidden |= {part for part in re.split(r"[/:@?&=]+", whole)[1:] if len(part) >= 8}
            hidden |= {unquote(part) for part in hidden}
    return tuple(sorted((text for text in hidden if text), key=len, reverse=True))

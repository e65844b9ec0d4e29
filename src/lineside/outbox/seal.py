"""The seal on a destination: this user recorded it, on this machine.

Run directories come from others, too. Without a seal, a crafted outbox could name any variable or file of whoever runs
`lineside deliver` as the secret of an address of its choice, and would have it sent there.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

_BYTES: Final = 32


class Seal:
    """Makes and checks seals with a key.

    Args:
        key: of the user; None where there is no place to keep one, and nothing can be sealed.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    @classmethod
    def of_user(cls, *, make: bool) -> Seal:
        """Return the seal with the key of this user, ``$XDG_STATE_HOME/lineside/seal.key``.

        Args:
            make: make the key if there is none.
        """
        path = _place()
        if path is None:
            return cls(None)
        key = _read(path)
        if key is None and make:
            with suppress(OSError):
                _make(path)
            key = _read(path)
        return cls(key)

    def of(self, destination: str) -> str | None:
        """Return the seal of a destination; None where nothing can be sealed."""
        return None if self._key is None else hmac.digest(self._key, destination.encode(), "sha256").hex()

    def fits(self, destination: str, seal: object) -> bool:
        """Tell whether this user has sealed a destination."""
        made = self.of(destination)
        return made is not None and isinstance(seal, str) and seal.isascii() and hmac.compare_digest(made, seal)


def _place() -> Path | None:
    given = os.environ.get("XDG_STATE_HOME", "")
    with suppress(RuntimeError):  # no home
        root = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
        return root / "lineside" / "seal.key"
    return None


def _make(path: Path) -> None:
    """Put a new key there, whole; one that somebody else has put there meanwhile stands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        with suppress(FileExistsError):
            os.link(staged, path)
    finally:
        staged.unlink()


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == _BYTES else None

"""`Secret`: a text that nobody gets to see by accident."""

from __future__ import annotations

import re
from typing import Final, NoReturn

_NAMED: Final = re.compile(
    r"(?:^|[_.-])(?:passw(?:or)?d|passphrase|secret|credentials?|(?:api|access|private|secret)[_-]?key"
    r"|(?:access|api|auth|bearer|bot|refresh)[_-]?token)(?:$|[_.-])|^token$|_token$",
    re.IGNORECASE,
)
_NO_SECRET: Final = re.compile(r"(?:bos|cls|end|eos|mask|pad|sep|start|unk)_token$", re.IGNORECASE)
_IN_ADDRESS: Final = re.compile(r"://[^/@\s:]*:[^/@\s]+@")


class Secret:
    """A password, token or key: prints as ``***`` and cannot be pickled, so that it enters no log, store or checkpoint.

    Annotate an option of a callback with it; a configuration then takes the value from the environment alone.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled or copied, since it would then lie somewhere in the clear.")


def named_like_a_secret(name: str) -> bool:
    """Tell whether an option or variable of this name holds a secret: ``password``, ``API_KEY``, ``bot_token``.

    Tokens of texts (``pad_token``) are none.
    """
    return _NAMED.search(name) is not None and _NO_SECRET.search(name) is None


def holds_password(address: str) -> bool:
    """Tell whether a text is an address with a password in it, such as ``smtp://me:password@host``."""
    return _IN_ADDRESS.search(address) is not None

"""The inbox of a run: how somebody outside asks something of it, with no open port on its machine."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lineside.control import Kind, Request
from lineside.errors import OptionError, nearest
from lineside.files import fsync, rename, write_atomic
from lineside.ports import RequestInbox
from lineside.store.plain import to_json

LARGEST: Final = 64 << 10
"""Bytes of a request at most."""
_LONGEST_TEXT: Final = 2000
_AT_ONCE: Final = 256
"""Requests that one poll takes at most; the rest wait for the next."""
_REFUSED: Final = "refused"
_NAME: Final = re.compile(r"[0-9]{20}-[0-9a-f]{32}\.json")


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _is_group(value: Any) -> bool:
    return value is None or (isinstance(value, (int, str)) and not isinstance(value, bool))


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and value.isprintable()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable()


_Checks = Mapping[str, tuple[Callable[[Any], bool], str]]
_ARGUMENTS: Final[Mapping[str, _Checks]] = {
    "stop": {},
    "pause": {},
    "unpause": {},
    "validate": {},
    "save": {"tag": (_is_tag, "a text of 1 to 100 characters")},
    "set_lr": {"value": (_is_rate, "a number that is 0 or more"), "group": (_is_group, "a group's name or number")},
}
"""What may be asked from outside, and its arguments; all but the rate's value may be left out."""


class Inbox(RequestInbox):
    """One file a request, put there by a rename. Nothing in it is trusted.

    Args:
        path: the directory, `RunDirectory.inbox`; made when the first request is posted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: set[str] = set()

    def post(self, kind: str, arguments: Mapping[str, Any], reason: str, author: str) -> str:
        """Ask something of the run and return the request's id; it is on the disk when this returns.

        Raises:
            OptionError: the run would refuse it; the message says why.
            OSError: it could not be written.
        """
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        document = {"kind": kind, "arguments": arguments, "reason": reason, "author": author}
        data = to_json(document).encode()
        _request(name, data)
        self.path.mkdir(exist_ok=True)
        write_atomic(self.path / f"{name}.json", data)
        return name

    def poll(self) -> list[Request]:
        """Return requests that this object has not returned yet, in order of arrival.

        A request stays on the disk until `done`, so that a run that is killed before finds it again. Files that are no
        requests are moved to `refused/`, each beside a file that says why. Names that begin with a dot are passed over:
        so does a writer call what is not finished.
        """
        found = []
        for name in self._unseen():
            self._seen.add(name)
            try:
                found.append(_request(name.removesuffix(".json"), _read(self.path / name)))
            except FileNotFoundError:
                continue  # taken away between listing and reading
            except (OptionError, OSError) as error:
                self._refuse(name, str(error))
        return found

    def done(self, request_id: str) -> None:
        """Remove a request that has been answered; one that did not come from here is passed over."""
        name = f"{request_id}.json"
        if name in self._seen:
            (self.path / name).unlink(missing_ok=True)
            fsync(self.path)
            self._seen.discard(name)

    def refusal(self, request_id: str) -> str | None:
        """Return why a file was refused before it became a request, or None."""
        try:
            return (self.path / _REFUSED / f"{Path(request_id).name}.json.reason").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _unseen(self) -> list[str]:
        try:
            with os.scandir(self.path) as entries:
                names = {entry.name for entry in entries if not entry.name.startswith(".")}
        except FileNotFoundError:
            return []
        # A name begins with the time of posting.
        return sorted(names - self._seen - {_REFUSED})[:_AT_ONCE]

    def _refuse(self, name: str, reason: str) -> None:
        # A strange name may be too long to carry a suffix, or clash with an earlier one.
        target = self.path / _REFUSED / (name if _NAME.fullmatch(name) else f"{uuid.uuid4().hex}.json")
        # What cannot be moved stays, and is not looked at again: nobody outside may stop the polling.
        with suppress(OSError):
            target.parent.mkdir(exist_ok=True)
            write_atomic(
                target.with_name(f"{target.name}.reason"), f"{name}: {reason}".encode(errors="backslashreplace")
            )
            rename(self.path / name, target)


def _read(path: Path) -> bytes:
    """Return a file's content, if it is a small plain file and no link."""
    if not _NAME.fullmatch(path.name):
        raise OptionError("This is no request's name; use Inbox.post or `lineside`.")
    # A link is not followed, and a pipe is not waited for.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OptionError("It is no plain file.")
        return file.read(LARGEST + 1)


def _request(name: str, data: bytes) -> Request:
    """Return a request that is right in every part.

    Raises:
        OptionError: it is not; the message names the part.
    """
    if len(data) > LARGEST:
        raise OptionError(f"A request has at most {LARGEST} bytes; this one has more.")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise OptionError(f"It is not JSON: {error}.") from error
    if not isinstance(document, dict) or set(document) != {"kind", "arguments", "reason", "author"}:
        raise OptionError("A request has exactly the fields kind, arguments, reason and author.")
    kind, arguments = document["kind"], document["arguments"]
    if not isinstance(kind, str) or kind not in _ARGUMENTS:
        raise OptionError(
            f"{kind!r} cannot be asked of a run.{nearest(str(kind), _ARGUMENTS)} Use {', '.join(_ARGUMENTS)}."
        )
    for text in ("reason", "author"):
        if not _is_text(document[text]):
            raise OptionError(f"The {text} must be one line of at most {_LONGEST_TEXT} characters that can be printed.")
    _check_arguments(kind, arguments)
    return Request(Kind[kind.upper()], document["reason"], document["author"], "operator", arguments, id=name)


def _check_arguments(kind: str, arguments: Any) -> None:
    allowed = _ARGUMENTS[kind]
    if not isinstance(arguments, dict) or not set(arguments) <= set(allowed):
        raise OptionError(f"{kind} takes {', '.join(allowed) or 'no arguments'}; it was given {arguments!r:.200}.")
    for name, value in arguments.items():
        is_right, what = allowed[name]
        if not is_right(value):
            raise OptionError(f"{name}={value!r:.200} is not allowed for {kind}: give {what}.")
    if kind == "set_lr" and "value" not in arguments:
        raise OptionError("set_lr needs a value: the learning rate, a number that is 0 or more.")

"""Alerts from outside, such as those of a supervisor, put into the outbox of a run."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_args

from lineside.cli.terminal import printable
from lineside.destination import holds_secret
from lineside.errors import OptionError, StoreError, nearest
from lineside.language import language
from lineside.outbox.outbox import Draft, Outbox, new_key
from lineside.outbox.routes import read_routes
from lineside.outbox.seal import Seal
from lineside.ports import AlertPayload, Level, Phase, Route
from lineside.store.directory import RunDirectory

_KNOWN: Final = ("title", "text", "level", "author", "phase", "key", "plot")
_TEXT: Final = ("title", "text", "author", "key", "plot")


def record_alerts(directory: Path, to: Sequence[str], *, trusting: bool) -> set[str]:
    """Record the alerts that stand in standard input, a JSON object a line, for all destinations that want them.

    An object has a ``title``, and may have ``text``, ``level``, ``author``, ``phase``, ``plot`` and ``key``; what was
    recorded under a key before is not recorded again.

    Args:
        directory: of the run.
        to: destinations besides the routes that the run left.
        trusting: take routes that another user has left.

    Returns:
        The references of `to`.

    Raises:
        OptionError: an address has a secret written out, a line is no alert, or no destination wants an alert.
        StoreError: the routes cannot be read, or the outbox cannot be written.
    """
    for address in to:
        if holds_secret(address):
            raise OptionError(
                "--to must name its secret instead of holding it, since arguments can be seen by everybody on this "
                "machine: put the address into a variable, such as --to '$LINESIDE_ALERTS'."
            )
    left = _left_routes(directory, trusting=trusting, alone=not to)
    routes = [*left, *(Route(address, frozenset(get_args(Level))) for address in to)]
    drafts = [draft for line in sys.stdin for draft in _drafts(line, directory, routes)]
    if drafts:
        Outbox(directory).record(drafts)
    return {route.reference for route in routes[len(left) :]}


def _left_routes(directory: Path, *, trusting: bool, alone: bool) -> list[Route]:
    """Return the routes that the run left and that may be used; a damaged file is an error where they are all."""
    seal = Seal.of_user(make=False)
    try:
        left = read_routes(directory)
    except StoreError as error:
        if alone:
            raise
        print(printable(error), file=sys.stderr)
        return []
    return [one.route for one in left if trusting or seal.fits(one.route.reference, one.seal)]


def _drafts(line: str, directory: Path, routes: Sequence[Route]) -> Iterator[Draft]:
    if not line.strip():
        return
    alert = _checked(line)
    payload = _payload(alert, directory)
    key = str(alert.get("key") or new_key())
    wanted = {route.reference for route in routes if route.takes(payload["level"], payload["author"])}
    if not wanted:
        raise OptionError(
            f"No destination wants {payload['title']!r}: the run has left no route for it that this user has made. "
            "Give one with --to, or use those of another user with --trust."
        )
    for destination in sorted(wanted):
        own = sha256(f"{key}\n{destination}".encode()).hexdigest()[:32]
        yield Draft("alert", destination, payload, payload["title"], own)


def _checked(line: str) -> Mapping[str, Any]:
    try:
        alert = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise OptionError(f"An alert must be one line of JSON: {error}.") from error
    if not isinstance(alert, dict) or not alert.get("title"):
        raise OptionError(f'An alert must be a JSON object with a title, such as {{"title": "…"}}: {line[:200]!r}.')
    for name, value in alert.items():
        if name not in _KNOWN:
            raise OptionError(f"An alert has no {name!r}.{nearest(name, _KNOWN)} It has {', '.join(_KNOWN)}.")
        if name in _TEXT and not (isinstance(value, str) or (value is None and name != "title")):
            raise OptionError(f"{name}={value!r:.200} of an alert must be a text.")
    for name, allowed in (("level", get_args(Level)), ("phase", get_args(Phase))):
        if alert.get(name, allowed[-1]) not in allowed:
            raise OptionError(f"{name}={alert[name]!r:.200} of an alert: use {', '.join(allowed)}.")
    return alert


def _payload(alert: Mapping[str, Any], directory: Path) -> AlertPayload:
    record = RunDirectory(directory).read_record()
    return {
        "title": alert["title"],
        "text": alert.get("text") or "",
        "level": alert.get("level", "warning"),
        "author": alert.get("author") or "operator",
        "phase": alert.get("phase", "once"),
        "project": record.project,
        "run": record.id,
        "host": "",
        "machine": socket.gethostname(),
        "attempt": record.attempt,
        "step": record.progress.get("step") or 0,
        "epoch": record.progress.get("epoch") or 0,
        "time": time.time(),
        "language": language(),
        "plot": alert.get("plot"),
    }

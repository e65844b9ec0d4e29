"""Inside the helper process: read a job, call its function, answer, until the parent hangs up."""

from __future__ import annotations

import contextlib
import marshal
import struct
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import IO, Any

from lineside.child import be_quiet, leave_with, private_streams

_LENGTH = struct.Struct("<Q")
_GRACE = 2.0
"""Seconds that a running job gets when the parent has died."""

Answer = tuple[str | None, str | bytes | None]
"""The traceback of a job that failed, and what one that succeeded returned: a note, or a picture."""


def frame(value: Any) -> bytes:
    """Encode plain data with its length in front.

    `marshal`, not `pickle`: both ends are the same interpreter, so that its format is stable enough; what it reads is
    data and nothing else; and it refuses tensors and other objects, which would drag their libraries into the helper.

    Raises:
        ValueError: the value is not plain data.
    """
    data = marshal.dumps(value)
    return _LENGTH.pack(len(data)) + data


def read_frame(stream: IO[bytes]) -> Any:
    """Return the next value, or None at the end of the stream; a value that is cut short is the end, too."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return marshal.loads(data) if len(data) == length else None  # noqa: S302 - it comes from our own parent or child


def serve(parent: int) -> None:
    """Do jobs from stdin until it ends.

    Args:
        parent: the process that started this one; when it is gone, so is the reason to be here.
    """
    be_quiet()
    jobs, answers = private_streams()
    leave_with(parent, _GRACE)
    with contextlib.suppress(BrokenPipeError):
        while (job := read_frame(jobs)) is not None:
            answers.write(frame(_done(*job)))
            answers.flush()


def _done(target: str, arguments: Mapping[str, Any]) -> Answer:
    module, _, function = target.partition(":")
    try:
        returned = getattr(import_module(module), function)(**arguments)
    except (Exception, SystemExit):  # noqa: BLE001 - the parent reports it, whatever it is
        return traceback.format_exc(), None
    return None, returned if isinstance(returned, (str, bytes)) else None

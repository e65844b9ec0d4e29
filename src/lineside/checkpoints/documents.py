"""Plain data as strict JSON in which every float comes back bit for bit, NaN and infinity included.

JSON has no NaN and no infinity. They are written as ``{"$float": "nan"}``, and a key that begins with ``$`` gets a
second one, so that no data can be mistaken for the mark.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

from lineside.checkpoints.digests import digest_bytes
from lineside.errors import CheckpointContentsError

_MARK = "$float"
_DEEPEST = 100
_WORDS = {"nan": struct.pack(">d", math.nan), "inf": struct.pack(">d", math.inf), "-inf": struct.pack(">d", -math.inf)}


def encode(data: Any, name: str) -> bytes:
    """Write plain data (None, bool, int, float, str, list, tuple, dict with text keys); a tuple comes back as a list.

    Raises:
        CheckpointContentsError: anything else, named by its place in the document `name`.
    """
    return json.dumps(_plain(data, name, 0), allow_nan=False, separators=(",", ":")).encode()


def decode(raw: bytes) -> Any:
    """Read what `encode` wrote.

    Raises:
        ValueError: this is not such a document.
    """
    try:
        return json.loads(raw, object_pairs_hook=_restored, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def seal(data: dict[str, Any], name: str) -> bytes:
    """Write a dictionary, indented for people to read, with a digest of its own content as the last key."""
    body = _body(data, name)
    return _body({**data, "digest": digest_bytes(body)}, name)


def unseal(raw: bytes) -> dict[str, Any]:
    """Read what `seal` wrote, every single bit of it.

    Raises:
        ValueError: something was changed, be it a blank.
    """
    data = decode(raw)
    if not isinstance(data, dict) or "digest" not in data:
        raise ValueError("it has no digest of itself")
    digest = data.pop("digest")
    # A change that JSON does not see (a blank, an escape in capitals) shows when the data is written again.
    if digest != digest_bytes(_body(data, "")) or _body({**data, "digest": digest}, "") != raw:
        raise ValueError("its content does not fit its own digest")
    return data


def _body(data: dict[str, Any], name: str) -> bytes:
    return (json.dumps(_plain(data, name, 0), allow_nan=False, indent=1) + "\n").encode()


def _plain(value: Any, place: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_MARK: _word(value)}
    if depth == _DEEPEST:
        raise CheckpointContentsError(f"{place} is nested more than {_DEEPEST} deep, or contains itself.")
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_escaped(key, place): _plain(item, f"{place}[{key!r}]", depth + 1) for key, item in value.items()}
    raise CheckpointContentsError(
        f"{place} is a {type(value).__module__}.{type(value).__qualname__}, which is not plain data. Allowed are None, "
        "bool, int, float, str, list, tuple and dict. Convert it in state_dict(), and give tensors in state_tensors()."
    )


def _escaped(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise CheckpointContentsError(
            f"{place} has the key {key!r}, a {type(key).__name__}: a key must be a str, since JSON would turn it into "
            "one. Use str keys, or a list of pairs."
        )
    return f"${key}" if key.startswith("$") else key


def _restored(pairs: list[tuple[str, Any]]) -> Any:
    if len(pairs) == 1 and pairs[0][0] == _MARK:
        return _float(pairs[0][1])
    data = {}
    for key, value in pairs:
        name = key
        if key.startswith("$"):
            if not key.startswith("$$"):
                raise ValueError(f"unknown mark {key!r}")
            name = key[1:]
        if name in data:
            raise ValueError(f"the key {name!r} comes twice")
        data[name] = value
    return data


def _word(value: float) -> str:
    bits = struct.pack(">d", value)
    return next((word for word, known in _WORDS.items() if known == bits), bits.hex())


def _float(word: Any) -> float:
    if not isinstance(word, str):
        raise ValueError(f"{word!r} is no float")  # noqa: TRY004 - one kind of error for a damaged document
    bits = _WORDS.get(word) or bytes.fromhex(word)
    if len(bits) != struct.calcsize(">d"):
        raise ValueError(f"{word!r} is no float")
    value: float = struct.unpack(">d", bits)[0]
    return value


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")

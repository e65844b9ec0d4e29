"""State dicts as strict JSON data plus named tensors, and back; on the way back nothing is imported or executed.

What JSON lacks is written as an object with one key that begins with ``$``: ``{"$tuple": [1, 2]}``,
``{"$float": "nan"}``, ``{"$tensor": "state.0.exp_avg"}``. A dict that looks like one of these is written as
``{"$dict": [[key, value], …]}``, and so is a dict whose keys are no texts.
"""

from __future__ import annotations

import base64
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from lineside.errors import CheckpointContentsError, StateMismatch

Path = tuple[object, ...]


def flatten(tree: Any, is_tensor: Callable[[Any], bool]) -> tuple[Any, dict[str, Any]]:
    """Turn a state dict into plain data and tensors.

    Numbers (NaN and infinities too), texts, bytes, None, lists, tuples and dicts of any such keys come back as they
    are; so do `Counter` and `OrderedDict`, while other subclasses come back as the plain type. A tensor that stands at
    two places is given one name and comes back as one.

    Args:
        tree: what a ``state_dict()`` returned.
        is_tensor: tells what is taken out under a name of its own, made of the path to it: ``state.0.exp_avg``.

    Returns:
        Data that ``json.dumps(…, allow_nan=False)`` accepts, and the tensors by name.

    Raises:
        CheckpointContentsError: something is neither data nor tensor; the message names the path to it.
    """
    flattening = _Flattening(is_tensor)
    return flattening.plain(tree, ()), flattening.tensors


def unflatten(plain: Any, tensors: Mapping[str, Any]) -> Any:
    """Put together what `flatten` took apart.

    Raises:
        StateMismatch: a tensor is missing, or the data was not made by `flatten`.
    """
    if isinstance(plain, list):
        return [unflatten(item, tensors) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if len(plain) == 1:
        ((tag, content),) = plain.items()
        if tag.startswith("$"):
            return _restored(tag, content, tensors)
    return {key: unflatten(value, tensors) for key, value in plain.items()}


def _restored(tag: str, content: Any, tensors: Mapping[str, Any]) -> Any:
    match tag:
        case "$tensor":
            if content not in tensors:
                raise StateMismatch(f"The tensor {content!r} is missing beside the saved state.")
            return tensors[content]
        case "$float":
            return float(content)
        case "$bytes":
            return base64.b64decode(content, validate=True)
        case "$tuple":
            return tuple(unflatten(item, tensors) for item in content)
        case "$dict" | "$ordered" | "$counter":
            pairs = [(unflatten(key, tensors), unflatten(value, tensors)) for key, value in content]
            return (
                OrderedDict(pairs) if tag == "$ordered" else Counter(dict(pairs)) if tag == "$counter" else dict(pairs)
            )
        case _:
            raise StateMismatch(f"The saved state holds {tag!r}, which this version of Lineside does not know.")


class _Flattening:
    """One walk through a tree."""

    def __init__(self, is_tensor: Callable[[Any], bool]) -> None:
        self.tensors: dict[str, Any] = {}
        self._is_tensor = is_tensor
        self._names: dict[int, str] = {}
        self._entered: set[int] = set()

    def plain(self, value: Any, path: Path) -> Any:
        if self._is_tensor(value):
            return {"$tensor": self._name(value, path)}
        if isinstance(value, (list, tuple, dict)) and not hasattr(value, "_fields"):
            return self._container(value, path)
        return _leaf(value, path)

    def _container(self, value: list[Any] | tuple[Any, ...] | dict[Any, Any], path: Path) -> Any:
        if id(value) in self._entered:
            raise CheckpointContentsError(f"{_text(path)} contains itself. Leave it out of state_dict().")
        self._entered.add(id(value))
        try:
            if isinstance(value, dict):
                return self._dict(value, path)
            items = [self.plain(item, (*path, index)) for index, item in enumerate(value)]
            return {"$tuple": items} if isinstance(value, tuple) else items
        finally:
            self._entered.remove(id(value))

    def _dict(self, value: dict[Any, Any], path: Path) -> Any:
        kept = isinstance(value, (Counter, OrderedDict))
        named = all(type(key) is str for key in value)
        lookalike = len(value) == 1 and named and next(iter(value)).startswith("$")
        if named and not lookalike and not kept:
            return {key: self.plain(item, (*path, key)) for key, item in value.items()}
        pairs = [[self.plain(key, (*path, "(key)")), self.plain(item, (*path, key))] for key, item in value.items()]
        if kept:
            return {"$counter" if isinstance(value, Counter) else "$ordered": pairs}
        return {"$dict": pairs}

    def _name(self, tensor: Any, path: Path) -> str:
        known = self._names.get(id(tensor))
        if known is not None:
            return known
        name = wanted = ".".join(str(part) for part in path) or "value"
        count = 1
        while name in self.tensors:  # {"a.b": …} beside {"a": {"b": …}}
            count += 1
            name = f"{wanted}#{count}"
        self.tensors[name] = tensor
        self._names[id(tensor)] = name
        return name


def _leaf(value: Any, path: Path) -> Any:
    """Return a single value; a subclass, such as a member of an IntEnum, becomes its plain type."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise CheckpointContentsError(
        f"{_text(path)} is a {type(value).__module__}.{type(value).__qualname__}, which a checkpoint does not hold: "
        "only numbers, texts, bytes, None, tensors, and lists, tuples and dicts of them. Leave it out of state_dict(), "
        "or put its plain values there."
    )


def _text(path: Path) -> str:
    return "the state" + "".join(f"[{part!r}]" for part in path)

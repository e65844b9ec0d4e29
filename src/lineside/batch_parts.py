"""Inputs, targets and predictions in what loaders and models give, whatever they are packed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Key = str | int | None

_INPUTS = ("inputs", "input", "x", "image", "images", "pixel_values", "img", "features", "text", "input_ids")
_TARGETS = ("targets", "target", "y", "label", "labels", "cls")
_OUTPUTS = ("outputs", "logits", "predictions", "preds", "scores")


def inputs_of(batch: Any, key: Key = None) -> Any:
    """Return the inputs of a batch; None if nobody can tell which part they are.

    Args:
        batch: inputs alone, a pair or longer tuple that begins with them, a dict, or an object with attributes.
        key: of a dict, attribute of an object, or place in a tuple; found by its usual names unless given.
    """
    if key is None and isinstance(batch, (tuple, list)) and not _is_plain(batch):
        key = 0
    return _part(batch, key, _INPUTS, alone=True)


def targets_of(batch: Any, key: Key = None) -> Any:
    """Return the targets of a batch: the second part of a tuple, or by name; None if there are none."""
    if key is None and isinstance(batch, (tuple, list)) and len(batch) > 1 and not _is_plain(batch):
        key = 1
    return _part(batch, key, _TARGETS, alone=False)


def outputs_of(outputs: Any, key: Key = None) -> Any:
    """Return what a model predicts: its output, the first of several, or by name, such as ``logits``."""
    if key is None and isinstance(outputs, (tuple, list)) and outputs:
        key = 0
    return _part(outputs, key, _OUTPUTS, alone=True)


def _part(whole: Any, key: Key, names: Sequence[str], *, alone: bool) -> Any:
    """Return one part; the whole where it has no parts and may be one `alone`."""
    if isinstance(key, int):
        return whole[key] if isinstance(whole, Sequence) and -len(whole) <= key < len(whole) else None
    wanted = names if key is None else (key,)
    if isinstance(whole, Mapping):
        return next((whole[name] for name in wanted if name in whole), None)
    if hasattr(whole, "shape") or _is_plain(whole):
        return whole if alone and key is None else None
    return next((found for name in wanted if (found := getattr(whole, name, None)) is not None), None)


def _is_plain(batch: Any) -> bool:
    """Tell whether a list or tuple holds samples that have no parts: texts or numbers."""
    return isinstance(batch, (tuple, list)) and bool(batch) and isinstance(batch[0], (str, int, float))

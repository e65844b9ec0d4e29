from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineside.checkpoints.fields import Fields


def test_each_key_is_taken_once() -> None:
    fields = Fields({"a": 1, "b": "x", "c": None, "d": [1.0], "e": {"k": "v"}}, "manifest")
    assert fields.count("a") == 1
    assert fields.take("b", str) == "x"
    assert fields.optional("c", str) is None
    assert fields.items("d", float) == [1.0]
    assert fields.texts("e") == {"k": "v"}
    fields.end()
    with pytest.raises(ValueError, match="manifest has no 'a'"):
        fields.count("a")


@pytest.mark.parametrize(
    ("data", "read", "message"),
    [
        ({}, lambda fields: fields.take("a", str), "manifest has no 'a'"),
        ({"a": 1}, lambda fields: fields.take("a", str), "'a' is 1, not a str"),
        ({"a": True}, lambda fields: fields.count("a"), "'a' is True, not a int"),
        ({"a": -1}, lambda fields: fields.count("a"), "'a' is negative"),
        ({"a": 1}, lambda fields: fields.optional("a", str), "'a' is 1, not a str"),
        ({"a": [1, "x"]}, lambda fields: fields.items("a", int), "'a' holds 'x', not a int"),
        ({"a": {"k": 1}}, lambda fields: fields.texts("a"), "'a' has 1 for 'k', not a str"),
        ({"a": 1}, lambda fields: fields.end(), "unknown key 'a'"),
    ],
)
def test_what_is_wrong_is_named(data: Any, read: Callable[[Fields], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(Fields(data, "manifest"))


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="manifest is no object"):
        Fields([], "manifest")

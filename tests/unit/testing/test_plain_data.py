from __future__ import annotations

import math

import numpy as np
import pytest

from lineside.control import Kind
from lineside.testing.plain_data import not_plain


@pytest.mark.parametrize("value", [None, True, 1, 0.5, math.nan, "text", [], [1, [2.0, None]], {"a": {"b": [False]}}])
def test_what_json_holds_is_plain(value) -> None:
    assert not_plain(value, "it") is None


@pytest.mark.parametrize(
    ("value", "culprit"),
    [
        ((1, 2), "it is (1, 2), a tuple"),
        ({"a": [0, np.float64(0.5)]}, "it['a'][1] is np.float64(0.5), a float64"),
        ({1: "a"}, "it has the key 1; keys must be texts"),
        ({"kind": Kind.STOP}, "it['kind'] is <Kind.STOP: 7>, a Kind"),
        ({"a": {1, 2}}, "it['a'] is {1, 2}, a set"),
        (b"bytes", "it is b'bytes', a bytes"),
    ],
)
def test_what_only_looks_plain_is_named_with_its_place(value, culprit) -> None:
    assert not_plain(value, "it").startswith(culprit)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_can_be_asked_to_be_finite(value) -> None:
    assert not_plain({"lr": value}, "it", finite=True) == f"it['lr'] is {value!r}; a number must be finite"
    assert not_plain({"lr": 0.1}, "it", finite=True) is None

from __future__ import annotations

import enum
import json
import math
from pathlib import Path

import numpy as np
import pytest

from lineside.store.plain import plain, to_json, utf8


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (Colour.RED, "red"),
        (Path("a/b"), "a/b"),
        ((1, {2: [np.float64(1.5)]}), [1, {"2": [1.5]}]),
        (complex(1, 2), "(1+2j)"),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_json_keeps_what_is_not_a_number() -> None:
    back = json.loads(to_json({"nan": math.nan, "inf": -math.inf}))
    assert math.isnan(back["nan"])
    assert back["inf"] == -math.inf


def test_undecodable_names_survive_as_escapes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert utf8(name).encode() == b"caf\\udce9"
    assert json.loads(to_json({"path": Path(name)})) == {"path": name}
    assert to_json("损失") == '"损失"'

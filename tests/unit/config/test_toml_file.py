from __future__ import annotations

import math

import pytest

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.toml_file import read_toml
from lineside.config.tree import Place

HERE = Place("f.toml", 1)


def test_values_are_those_of_toml() -> None:
    text = "a = 1\nb = 1e-3\nc = true\nd = 'no'\ne = [1, {f = '2'}]\ng = -inf\nh = 2024-01-01\ni = nan\n"
    data = data_of(read_toml(text, HERE, Problems()))
    assert math.isnan(data.pop("i"))
    assert data == {"a": 1, "b": 0.001, "c": True, "d": "no", "e": [1, {"f": "2"}], "g": -math.inf, "h": "2024-01-01"}


def test_a_lone_reference_may_become_a_number() -> None:
    root = read_toml("a = '${A}'\nb = 'x${A}'", HERE, Problems())
    assert [root.entries[key].plain for key in "ab"] == [True, False]


def test_everything_knows_its_place() -> None:
    root = read_toml("[a]\nb = [\n  'x',\n  {c = 1},\n]\n", HERE, Problems())
    items = root.entries["a"].entries["b"].items
    assert [str(item.place) for item in items] == ["f.toml:3:3", "f.toml:4:3"]
    assert str(items[1].entries["c"].place) == "f.toml:4:4"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb = \n", "f.toml:2:5: this is not TOML: Invalid value."),
        ("a = 1\na = 2\n", "f.toml:2:6: this is not TOML: Cannot overwrite a value."),
        ("a = [", "f.toml:1: this is not TOML: Invalid value."),
        ("a = " + "[" * 5000 + "]" * 5000, "f.toml:1: lists and tables are nested too deeply."),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_wrong_is_told_with_its_place(text, problem) -> None:
    problems = Problems()
    assert read_toml(text, HERE, problems) is None
    assert [str(one) for one in problems.found()] == [problem]

from __future__ import annotations

import json

from lineside.reports.html.facts import rows
from lineside.reports.html.wording import Wording

SAY = Wording("en")


def test_what_is_nested_gets_a_name_with_dots() -> None:
    values = {"lr": 0.1, "model": {"hidden": 64, "act": "relu", "none": None}, "sizes": [1, 2], "empty": {}, "host": ""}
    assert rows(values, SAY) == [
        ("lr", "0.1"),
        ("model.hidden", "64"),
        ("model.act", "relu"),
        ("model.none", "–"),
        ("sizes", "1 2"),
        ("empty", "{}"),
        ("host", "–"),
    ]


def test_of_very_much_the_first_part_is_shown() -> None:
    shown = rows({str(index): index for index in range(1000)}, SAY)
    assert len(shown) == 301
    assert shown[-1] == ("…", "more in run.json")


def test_a_crafted_depth_is_no_error() -> None:
    deep = json.loads('{"a":' * 200 + "[" * 300 + "]" * 300 + "}" * 200)
    ((name, value),) = rows(deep, SAY)
    assert name == "a.a.a.a.a.a.a"
    assert value

from __future__ import annotations

import pytest

from lineside.profiling import OperatorCost
from lineside.reports.operators import costliest

COSTS = [
    OperatorCost("aten::addmm", 30, 0.06),
    OperatorCost("aten::relu", 10, 0.02),
    OperatorCost("aten::empty", 5, 0.02),
    OperatorCost("aten::view", 5, 0.0),
]


def test_the_costliest_operators_with_their_share() -> None:
    assert costliest(COSTS, steps=10, limit=2).splitlines() == [
        "CPU: 10 ms a step in operators",
        "operator     calls a step  ms a step  share",
        "aten::addmm             3          6    60%",
        "aten::relu              1          2    20%",
    ]


def test_what_took_no_time_is_not_listed() -> None:
    assert "view" not in costliest(COSTS, steps=10, limit=9)


def test_on_an_accelerator_its_own_time_comes_first() -> None:
    costs = [OperatorCost("aten::copy_", 2, 0.5, 0.1), OperatorCost("aten::mm", 2, 0.25, 0.3)]
    device, cpu = costliest(costs, steps=2, limit=1).split("\n\n")
    assert device.splitlines()[0] == "accelerator: 200 ms a step in operators"
    assert device.splitlines()[2].split() == ["aten::mm", "1", "150", "75%"]
    assert cpu.splitlines()[2].split() == ["aten::copy_", "1", "250", "67%"]


def test_a_long_name_is_cut() -> None:
    (row,) = costliest([OperatorCost("k" * 80, 1, 1.0)], steps=1, limit=5).splitlines()[2:]
    assert row.startswith("k" * 47 + "…  ")


def test_no_operators_are_no_rows() -> None:
    assert costliest([], steps=3, limit=5).splitlines()[0] == "CPU: 0 ms a step in operators"


def test_in_chinese_the_columns_stand_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    head, titles, *rows = costliest(COSTS, steps=10, limit=2).splitlines()
    assert head == "CPU：每步 10 毫秒"
    assert titles == "算子         每步次数  每步毫秒  占比"
    assert rows[0] == "aten::addmm         3         6   60%"

from __future__ import annotations

from dataclasses import replace

import pytest

from lineside.dispatch.profile import CallbackCost
from lineside.dispatch.summary import remarks, seconds, table

COST = CallbackCost("progress-bar", "inline", 1000, 0.02, 2e-5, 3e-5, 0.001, 0, 0, ())
SLOW = replace(COST, name="slow", total=4.0, mean=4e-3, share=0.4)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (2e-9, "2 ns"), (1.5e-6, "1.5 µs"), (0.0123, "12.3 ms"), (1.0, "1 s"), (123.4, "123 s")],
)
def test_a_time_has_a_unit_that_fits(value: float, text: str) -> None:
    assert seconds(value) == text


def test_the_slow_one_of_ten_is_named_with_its_share() -> None:
    costs = [SLOW, *(replace(COST, name=f"quick-{number}") for number in range(9))]
    said = list(remarks(costs))
    assert len(said) == 1
    assert "slow took 40% of the run" in said[0]
    assert "background=True" in said[0]
    lines = table(costs).splitlines()
    assert lines[0].split() == ["callback", "lane", "calls", "total", "mean", "p99", "share"]
    assert lines[1].split() == ["slow", "inline", "1,000", "4", "s", "4", "ms", "30", "µs", "40.0%"]
    assert lines[-1] == said[0]
    assert len(lines) == 12


@pytest.mark.parametrize(
    "quiet",
    [replace(SLOW, share=0.04), replace(SLOW, total=0.09), replace(SLOW, lane="background"), COST],
)
def test_nobody_is_blamed_for_little(quiet: CallbackCost) -> None:
    assert list(remarks([quiet])) == []


def test_failures_and_losses_are_told() -> None:
    failed = replace(COST, failures=3, disabled=("on_batch_end",))
    assert list(remarks([failed])) == [
        "progress-bar failed 3 times, and on_batch_end was disabled; the log has the traceback."
    ]
    lost = replace(COST, lane="background", dropped=12345)
    assert list(remarks([lost])) == ["progress-bar was too slow in the background: 12,345 batch records were dropped."]


def test_a_run_without_callbacks_has_a_table_too() -> None:
    assert table([]).split() == ["callback", "lane", "calls", "total", "mean", "p99", "share"]

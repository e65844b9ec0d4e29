from __future__ import annotations

import pytest

from lineside.cli.amounts import ago, count, moment, number, size, span


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.0, "0 s", "0 秒"),
        (59.6, "1 min", "1 分"),
        (61, "1 min 1 s", "1 分 1 秒"),
        (3600, "1 h", "1 小时"),
        (2 * 86400 + 3 * 3600 + 59, "2 d 3 h", "2 天 3 小时"),
        (-5, "0 s", "0 秒"),
    ],
)
def test_spans_have_their_two_largest_units(monkeypatch: pytest.MonkeyPatch, seconds: float, en: str, zh: str) -> None:
    assert span(seconds) == en
    assert ago(seconds) == f"{en} ago"
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert span(seconds) == zh
    assert ago(seconds) == f"{zh}前"


@pytest.mark.parametrize(
    ("given", "shown"), [(0, "0 B"), (999, "999 B"), (27_200, "27.2 kB"), (1.5e9, "1.5 GB"), (2e15, "2e+03 TB")]
)
def test_sizes_have_a_unit_that_fits(given: float, shown: str) -> None:
    assert size(given) == shown


def test_numbers_have_four_digits_and_counts_their_thousands() -> None:
    assert [number(value) for value in (0.0, 0.123456, 1e-7, float("nan"))] == ["0", "0.1235", "1e-07", "nan"]
    assert count(1234567) == "1,234,567"


def test_what_is_no_number_is_told_and_does_not_end_the_program() -> None:
    assert [span(seconds) for seconds in (float("nan"), float("inf"))] == ["?", "?"]
    assert number(10**400) == "inf"


def test_a_moment_that_no_clock_shows_is_a_question_mark() -> None:
    assert moment(0.0)[:4] in ("1969", "1970")
    assert [moment(time) for time in (1e300, float("nan"), float("inf"))] == ["?", "?", "?"]

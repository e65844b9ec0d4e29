from __future__ import annotations

import math

import pytest

from lineside.reports.html.wording import LONGEST, Wording

EN, ZH = Wording("en"), Wording("zh")


def test_it_speaks_one_language() -> None:
    assert (EN("best", "最佳"), ZH("best", "最佳")) == ("best", "最佳")
    assert (EN.status("killed"), ZH.status("killed")) == ("killed", "被终止")
    assert (EN.asked("set_lr"), ZH.asked("set_lr")) == ("learning rate", "学习率")
    assert (EN.place(1109, 36), ZH.place(1109, 36)) == ("epoch 37, step 1,109", "第 37 轮，第 1,109 步")
    assert (EN.origin("operator"), ZH.lane("background"), ZH.level("error")) == ("operator", "后台", "错误")


def test_a_word_that_nobody_knows_stays_as_it_is() -> None:
    assert EN.status("<odd>") == ZH.asked("<odd>") == "<odd>"


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.25, "250 ms", "250 毫秒"),
        (13.84, "13.8 s", "13.8 秒"),
        (125.0, "2 min 05 s", "2 分 05 秒"),
        (3599.9, "1 h 00 min", "1 小时 00 分"),
        (47 * 3600.0, "47 h 00 min", "47 小时 00 分"),
        (50 * 3600.0, "2 d 2 h", "2 天 2 小时"),
        (math.nan, "?", "?"),
        (math.inf, "?", "?"),
        (-1.0, "?", "?"),
    ],
)
def test_a_stretch_of_time_has_the_units_that_tell_most(seconds: float, en: str, zh: str) -> None:
    assert (EN.lasted(seconds), ZH.lasted(seconds)) == (en, zh)


def test_a_moment_is_local_and_one_that_cannot_be_is_no_error() -> None:
    assert EN.moment(1_763_700_000.0).startswith("2025-11-2")
    assert EN.zone(1_763_700_000.0).startswith("UTC")
    assert [EN.moment(time) for time in (math.nan, math.inf, 1e300)] == ["?"] * 3
    assert EN.zone(math.inf) == "UTC?"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (82_500, "82.5 kB"), (5e6, "5 MB"), (1.5e9, "1.5 GB"), (2e12, "2 TB")]
)
def test_sizes_have_a_unit(count: float, text: str) -> None:
    assert EN.size(count) == text


def test_numbers_and_counts() -> None:
    assert [EN.number(value) for value in (0.25, 0.0, math.nan, 1e-7)] == ["0.2500", "0.0000", "NaN", "1e-7"]
    assert [EN.count(value) for value in (1350, None, True, "9")] == ["1,350", "–", "–", "–"]


def test_long_texts_are_shortened_and_say_by_how_much() -> None:
    assert EN.shortened("x" * LONGEST) == "x" * LONGEST
    assert EN.shortened("x" * (LONGEST + 1234)).endswith("x … (+1,234)")

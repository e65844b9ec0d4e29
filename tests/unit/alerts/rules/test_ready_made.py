"""Each ready-made rule: when it holds, no longer does, or says nothing, and that it goes on behind a resume."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lineside.alerts.making import RULES, rule_of
from lineside.alerts.rule import Rule

NAN, INF = math.nan, math.inf
STEADY = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0]


def loss(*values: float) -> list[Mapping[str, float]]:
    return [{"train/loss": value} for value in values]


def val(*values: float) -> list[Mapping[str, float]]:
    return [{"val/loss": value} for value in values]


def norm(*values: float) -> list[Mapping[str, float]]:
    return [{"norm": value} for value in values]


def gap(*pairs: tuple[float, float]) -> list[Mapping[str, float]]:
    return [{"train/loss": train, "val/loss": value} for train, value in pairs]


CASES: list[tuple[str, dict[str, Any], Sequence[Mapping[str, float]], list[bool | None]]] = [
    ("loss-spike", {}, loss(*STEADY), [None] * 10),
    ("loss-spike", {}, loss(*STEADY, 1.1, 5.0, NAN, 5.0, 1.0), [None] * 10 + [False, True, None, True, False]),
    ("loss-spike", {"factor": 100.0}, loss(*STEADY, 5.0), [None] * 10 + [False]),
    ("not-finite", {}, loss(0.0, NAN, INF, -INF, 1.0), [False, True, True, True, False]),
    ("exploding-gradient", {}, norm(*STEADY, 9.0, 11.0, NAN, INF, 1.0), [None] * 10 + [False, True, True, True, False]),
    ("vanishing-gradient", {}, norm(1.0, 0.0, 1e-8, 1e-9, 1.0), [False, None, None, True, False]),
    ("vanishing-gradient", {"patience": 1}, norm(0.0, NAN, 1e-6), [True, None, False]),
    ("overfitting-gap", {"patience": 2}, gap((1, 1.2), (1, 1.6), (1, 1.7), (1, NAN), (1, 1.1)),
     [False, None, True, None, False]),
    ("overfitting-gap", {"patience": 1, "gap": 0.1}, gap((0.0, 0.0), (0.0, 0.1), (-1.0, -0.8)), [False, True, True]),
    ("plateau", {"patience": 2}, val(1.0, 1.0, NAN, 1.1, 0.5), [False, None, None, True, False]),
    ("plateau", {"patience": 1, "min_delta": "10%"}, val(1.0, 0.95, 0.5), [False, True, False]),
    ("slow-step", {}, [{"seconds": value} for value in (*STEADY, 2.9, 3.1, 1.0)], [None] * 10 + [False, True, False]),
    ("disk-nearly-full", {}, [{"free_gib": value} for value in (5.0, 4.99, 6.0)], [False, True, False]),
    ("gpu-idle", {}, [{}, {"gpu0": 0.0, "gpu1": 90.0}, {"gpu0": 5.0, "gpu1": 90.0}], [None, True, False]),
    ("stalled", {"after": "60 s"}, [{"seconds": value} for value in (0.0, 59.9, 60.0, 0.0)],
     [False, False, True, False]),
]  # fmt: skip


def judged(rule: Rule, values: Sequence[Mapping[str, float]]) -> list[bool | None]:
    return [rule.judge(one).holds for one in values]


@pytest.mark.parametrize(("kind", "options", "values", "expected"), CASES)
def test_what_it_says_of_values(
    kind: str, options: dict[str, Any], values: Sequence[Mapping[str, float]], expected: list[bool | None]
) -> None:
    assert judged(rule_of({kind: options}, "alert"), values) == expected


@pytest.mark.parametrize(("kind", "options", "values", "expected"), CASES)
def test_its_state_goes_through_json_at_any_moment(
    kind: str, options: dict[str, Any], values: Sequence[Mapping[str, float]], expected: list[bool | None]
) -> None:
    for cut in range(len(values)):
        first, second = rule_of({kind: options}, "alert"), rule_of({kind: options}, "alert")
        before = judged(first, values[:cut])
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert before + judged(second, values[cut:]) == expected


@pytest.mark.parametrize(("kind", "options", "values", "expected"), CASES)
def test_it_begins_anew(
    kind: str, options: dict[str, Any], values: Sequence[Mapping[str, float]], expected: list[bool | None]
) -> None:
    rule = rule_of({kind: options}, "alert")
    judged(rule, values)
    rule.start_anew()
    assert judged(rule, values) == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_holds_and_what_no_longer_does_is_said_in_words(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    for kind, options, values, _ in CASES:
        rule = rule_of({kind: options}, "alert")
        for one in values:
            verdict = rule.judge(one)
            if verdict.holds is not None:
                assert verdict.title
                assert verdict.title.isprintable()
                has_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in verdict.title)
                assert has_chinese == (language == "zh"), verdict.title


def test_all_rules_can_be_made_by_name_and_say_it() -> None:
    for kind in RULES:
        rule = rule_of(kind, "alert")
        assert (rule.kind, str(rule)) == (kind, kind)

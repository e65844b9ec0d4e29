from __future__ import annotations

import math

import pytest

from lineside.alerts.rules.comparison import Comparison
from lineside.errors import OptionError


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("val/loss > 10", 10.5, True),
        ("val/loss > 10", 10.0, False),
        ("val/loss>=10", 10.0, True),
        ("val/loss < 1e-3", 0.0, True),
        (" val/loss <= -0.5 ", -0.5, True),
        ("val/loss == 0", 0.0, True),
        ("val/loss != 0", -0.0, False),
        ("val/loss > 10", math.inf, True),
        ("val/loss < inf", math.inf, False),
    ],
)
def test_a_metric_is_compared_with_a_number(condition: str, value: float, holds: bool) -> None:
    assert Comparison(condition).judge({"val/loss": value}).holds is holds


def test_a_metric_is_compared_with_another_one() -> None:
    rule = Comparison("metrics/mAP50(B) < val/top-1")
    assert rule.reads == ("metrics/mAP50(B)", "val/top-1")
    verdict = rule.judge({"metrics/mAP50(B)": 0.25, "val/top-1": 0.5})
    assert (verdict.holds, verdict.title) == (True, "metrics/mAP50(B) is 0.25 (< val/top-1 = 0.5)")


def test_nan_compares_with_nothing_and_is_named() -> None:
    verdict = Comparison("val/loss > 10").judge({"val/loss": math.nan})
    assert (verdict.holds, verdict.title) == (None, "val/loss = nan: val/loss > 10 cannot be told")
    assert Comparison("val/loss > train/loss").judge({"val/loss": 1.0, "train/loss": math.nan}).holds is None


def test_it_speaks_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    rule = Comparison("val/loss > 10")
    assert rule.judge({"val/loss": 12.5}).title == "val/loss 为 12.5（> 10）"
    assert rule.judge({"val/loss": 2.5}).title == "val/loss 为 2.5，不再 > 10"


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("val/loss", "one comparison"),
        ("val/loss >", "one comparison"),
        ("1 < val/loss < 2", "one comparison"),
        ("val/loss > 1 and lr < 2", "one comparison"),
        ("val/loss => 1", "one comparison"),
        ("10 < val/loss", "'10' is no name"),
        ("val/loss > 2 * train/loss", "'2 * train/loss' is no name"),
        ("val loss > 10", "'val loss' is no name"),
        ("__import__('os').system('true') > 1", "is no name"),
        ("val/loss > 10%", "'10%' is no name"),
        ("val/loss > nan", "not-finite"),
    ],
)
def test_anything_else_is_refused_and_never_run(condition: str, named: str) -> None:
    with pytest.raises(OptionError) as refused:
        Comparison(condition, "watch-loss")
    assert str(refused.value).startswith("watch-loss: when=")
    assert named in str(refused.value)

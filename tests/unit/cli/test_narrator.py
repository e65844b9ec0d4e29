from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lineside.cli.narrator import Narrator, Place
from lineside.cli.outcome import Outcome
from lineside.cli.position import Position
from lineside.cli.proof import Comparison

AT = Position("epoch0011-step00000390-abcd", step=390, epoch=10, batch=10, batches=38)
OUTCOME = Outcome(836, "w", "t", "w", {}, 300, 297, "epoch0017-step00000646-abcd", "")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINESIDE_LANG", raising=False)


@pytest.fixture
def page() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(page: io.StringIO) -> Narrator:
    return Narrator(Console(file=page, width=100, highlight=False))


def test_each_stage_is_one_plain_line(narrator: Narrator, page: io.StringIO) -> None:
    narrator.starting(4711, 10)
    narrator.killed(4711, AT)
    narrator.resuming(AT)
    with narrator.repeating():
        pass
    narrator.result(OUTCOME)
    assert [line for line in page.getvalue().splitlines() if line] == [
        "1/5 Start  Process 4711 trains a small CNN on 1,797 scanned digits. It will be killed in epoch 11.",
        "2/5 Kill  kill -9 4711 in epoch 11, soon after step 390: nothing more could be saved.",
        '3/5 Resume  resume="auto" finds epoch0011-step00000390-abcd: epoch 11, batch 10 of 38.',
        "4/5 Proof  The same training once more, in one go. SHA-256 of both:",
        "5/5 Result  The model reads 297 of 300 digits that it never saw: 99.0%.",
    ]


def test_it_speaks_chinese(monkeypatch: pytest.MonkeyPatch, narrator: Narrator, page: io.StringIO) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    narrator.killed(4711, AT)
    narrator.ended(OUTCOME)
    assert "1/5 终止  第 11 轮，第 390 步之后不久：kill -9 4711，再也无法保存任何内容。" in page.getvalue()
    assert "模型已恢复最佳权重：epoch0017-step00000646-abcd。" in page.getvalue()


def test_weights_that_did_not_come_back_are_told(narrator: Narrator, page: io.StringIO) -> None:
    narrator.ended(Outcome(836, "other", "t", "w", {}, 300, 297, "epoch0017-step00000646-abcd", ""))
    assert "does NOT have the best weights" in page.getvalue()


def test_a_difference_is_told(narrator: Narrator, page: io.StringIO) -> None:
    narrator.compared(390, AT, [Comparison("final weights", "a" * 64, "b" * 64), Comparison("steps", "836", "836")])
    rows = page.getvalue().splitlines()
    assert rows[1].split() == ["final", "weights", "a" * 16 + "…", "b" * 16 + "…", "DIFFERENT"]
    assert rows[2].split() == ["steps", "836", "836", "equal"]
    assert len(rows) == 3


@pytest.mark.parametrize("step", [None, 0, 375])
def test_a_run_that_did_not_resume_where_it_should_is_told(
    narrator: Narrator, page: io.StringIO, step: int | None
) -> None:
    narrator.compared(step, AT, [])
    assert f"did not resume from step 390: its records say {step}" in page.getvalue()


def test_what_is_missing_is_told(narrator: Narrator, page: io.StringIO, tmp_path: Path) -> None:
    for file in ("metrics.csv", "plots/curve.png", "plots/empty.svg", "plots/empty/curve.png"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("" if "empty" in file else "something")
    there = [Place("metrics", tmp_path / "metrics.csv"), Place("plots", tmp_path / "plots", "*.png")]
    missing = [
        Place("file", tmp_path / "elsewhere"),
        Place("directory", tmp_path / "elsewhere", "*"),
        Place("empty", tmp_path / "plots", "*.svg"),
    ]
    assert narrator.places(tmp_path, [*there, *missing]) == missing
    assert [line.split() for line in page.getvalue().splitlines()][-5:] == [
        ["metrics", "metrics.csv"],
        ["plots", "plots"],
        ["file", "elsewhere", "MISSING"],
        ["directory", "elsewhere", "MISSING"],
        ["empty", "plots", "MISSING"],
    ]


@pytest.mark.parametrize(("proven", "verdict"), [(True, "Killed, resumed, nothing lost. 42 s"), (False, "NOT proven")])
def test_the_end_says_how_it_went(narrator: Narrator, page: io.StringIO, proven: bool, verdict: str) -> None:
    narrator.end(41.7, proven=proven)
    assert verdict in page.getvalue()


def test_the_table_of_costs_is_shown_as_it_is(narrator: Narrator, page: io.StringIO) -> None:
    narrator.costs("callback  total\n[bold]me  1 ms")
    assert "  [bold]me  1 ms" in page.getvalue()

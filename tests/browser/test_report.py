"""The report as a person sees it: zoomed, on a phone, on paper, in the dark, without scripts, and made by an enemy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lineside.control import Kind, Outcome
from lineside.reports.html.build import build_report
from tests.unit.reports.html.recorded import Recorded, cost

CANARY = "</script><script>window.canary=alert('canary')</script><img src=x onerror=\"window.canary=alert('img')\">"


@pytest.fixture
def report(recorded: Recorded) -> Path:
    """A training of ten epochs of ten steps, with something in every section."""
    recorded.metric("train/loss", [1.0 / (epoch + 1) for epoch in range(10)], every=10)
    recorded.metric("val/loss", [1.2 / (epoch + 1) for epoch in range(9)] + [math.nan], every=10)
    recorded.metric("val/accuracy", [epoch / 10 for epoch in range(10)], every=10)
    recorded.metric("system/cpu_percent", [50.0 + epoch for epoch in range(10)], every=10)
    for epoch in range(10):
        recorded.event("epoch_end", step=10 * (epoch + 1), epoch=epoch)
    recorded.request(Kind.SET_LR, Outcome(applied=True, step=40), value=0.01, reason="no better")
    recorded.event("alert", {"title": "It is hot", "author": "thermometer"}, step=60, epoch=5)
    recorded.ended(costs=[cost("slow-one", disabled=["on_batch_end"], failures=3)])
    recorded.text("a-rather-long-tag-of-a-text", "word " * 100)
    recorded.record(hparams={"a_rather_long_name_of_a_hyper_parameter": "x" * 200})
    recorded.end()
    return build_report(recorded.path, reader_language="en")


def drag(seen: Any, chart: Any, start: float, end: float) -> None:
    """Move the mouse from one share of a chart's width to another with the button down."""
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    middle = box["y"] + box["height"] / 2
    seen.page.mouse.move(box["x"] + start * box["width"], middle)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + end * box["width"], middle, steps=5)
    seen.page.mouse.up()


def test_dragging_over_one_chart_zooms_all_and_a_double_click_shows_all_again(sight: Any, report: Path) -> None:
    seen = sight(report)
    first, *_ = seen.charts(3)
    whole = seen.pictures()
    drag(seen, first, 0.4, 0.7)
    seen.page.wait_for_selector("html.is-zoomed")
    zoomed = seen.pictures()
    assert all(before != after for before, after in zip(whole, zoomed, strict=True))
    first.dblclick()
    seen.page.wait_for_selector("html:not(.is-zoomed)")
    assert seen.pictures() == whole
    assert (seen.requests, seen.complaints) == ([], [])


def test_the_button_of_any_chart_shows_all_again(sight: Any, report: Path) -> None:
    seen = sight(report)
    _, second, _ = seen.charts(3)
    button = seen.page.locator(".whole").first
    assert not button.is_visible()
    whole = seen.pictures()
    drag(seen, second, 0.2, 0.5)
    seen.page.wait_for_selector("html.is-zoomed")
    button.click()
    seen.page.wait_for_selector("html:not(.is-zoomed)")
    assert seen.pictures() == whole


def test_a_finger_that_moves_sideways_zooms(sight: Any, report: Path) -> None:
    seen = sight(report, width=390, has_touch=True, is_mobile=True)
    seen.charts(3)
    whole = seen.pictures()
    seen.page.evaluate(
        """() => {
            const over = document.querySelector(".u-over"), box = over.getBoundingClientRect();
            for (const [type, share] of [["down", .3], ["move", .5], ["up", .6]])
                over.dispatchEvent(new PointerEvent(`pointer${type}`, {
                    pointerType: "touch", isPrimary: true, clientX: box.left + share * box.width, clientY: box.top + 9,
                }));
        }"""
    )
    seen.page.wait_for_selector("html.is-zoomed")
    assert all(before != after for before, after in zip(whole, seen.pictures(), strict=True))
    assert seen.complaints == []


def test_the_mouse_reads_step_epoch_and_values_of_all_charts(sight: Any, report: Path) -> None:
    seen = sight(report)
    first, *_ = seen.charts(3)
    box = first.bounding_box()
    # Steps go from 10 to 100, so that the middle is nearest to the sixth epoch's end.
    seen.page.mouse.move(box["x"] + 0.5 * box["width"] + 5, box["y"] + 20)
    seen.page.locator(".u-value", has_text="60 · epoch 6").nth(2).wait_for()
    read = [value.inner_text() for value in seen.page.query_selector_all(".u-value")]
    # Of each chart the step, then its curves: the loss of training and validation, the accuracy, the CPU.
    assert read == ["60 · epoch 6", "0.1666667", "0.2", "60 · epoch 6", "0.5", "60 · epoch 6", "55"]


def test_it_fits_a_phone_in_both_languages(sight: Any, recorded: Recorded, report: Path, tmp_path: Path) -> None:
    chinese = build_report(recorded.path, reader_language="zh", output=tmp_path / "zh.html")
    for path in (report, chinese):
        seen = sight(path, width=390, is_mobile=True)
        seen.charts(3)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
        for chart in seen.page.query_selector_all("canvas"):
            assert chart.bounding_box()["width"] > 250
        assert seen.complaints == []


def test_paper_gets_drawings_on_white(sight: Any, report: Path) -> None:
    seen = sight(report, color_scheme="dark")
    seen.charts(3)
    assert not seen.page.locator("svg.still").first.is_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    assert seen.page.evaluate(background) == "rgb(16, 21, 28)"
    seen.page.emulate_media(media="print", color_scheme="dark")
    assert [one.is_visible() for one in seen.page.query_selector_all("svg.still")] == [True] * 3
    assert [one.is_visible() for one in seen.page.query_selector_all("canvas")] == [False] * 3
    assert seen.page.evaluate(background) == "rgb(255, 255, 255)"
    assert seen.page.pdf(format="A4").startswith(b"%PDF")


def test_without_scripts_the_drawings_are_there(sight: Any, report: Path) -> None:
    seen = sight(report, java_script_enabled=False)
    assert [one.is_visible() for one in seen.page.query_selector_all("svg.still")] == [True] * 3
    assert not seen.page.locator("#theme").is_visible()
    assert seen.page.locator(".key").first.is_visible()


def test_light_and_dark_follow_the_reader_and_the_button(sight: Any, report: Path) -> None:
    seen = sight(report, color_scheme="light")
    seen.charts(3)
    background = "getComputedStyle(document.body).backgroundColor"
    light, pictures = seen.page.evaluate(background), seen.pictures()
    seen.page.locator("#theme").click()
    assert seen.page.evaluate(background) != light
    seen.charts(3)
    assert seen.pictures() != pictures
    seen.page.locator("#theme").click()
    seen.charts(3)
    assert (seen.page.evaluate(background), seen.pictures()) == (light, pictures)
    assert seen.complaints == []


def test_what_an_enemy_has_put_into_a_run_does_nothing(sight: Any, recorded: Recorded) -> None:
    recorded.record(project=CANARY, reason=CANARY, hparams={CANARY: CANARY}, environment={CANARY: CANARY})
    for name in (CANARY, f"val/{CANARY}", f"system/{CANARY}", "__proto__", "constructor"):
        recorded.metric(name, [1.0, 0.5, math.nan, 0.0])
    recorded.request(Kind.SET_LR, Outcome(True, 1, CANARY), author=CANARY, reason=CANARY, value=CANARY)
    recorded.event("alert", {"title": CANARY, "text": CANARY, "author": CANARY})
    recorded.ended(CANARY, CANARY, costs=[cost(CANARY, disabled=[CANARY])])
    recorded.text(CANARY, CANARY)
    recorded.end("failed", reason=CANARY)
    seen = sight(build_report(recorded.path, reader_language="en"))
    seen.charts(seen.page.locator("figure").count())
    assert seen.page.evaluate("window.canary") is None
    assert (seen.dialogs, seen.requests, seen.complaints) == ([], [], [])
    assert seen.page.locator("td", has_text="canary").count() > 0


def test_a_script_that_slipped_in_all_the_same_is_not_run_and_nothing_is_loaded(sight: Any, report: Path) -> None:
    spoilt = report.with_name("spoilt.html")
    spoilt.write_text(report.read_text("utf-8").replace("<main>", f"<main>{CANARY}"), "utf-8")
    seen = sight(spoilt)
    seen.charts(3)
    assert seen.page.evaluate("window.canary") is None
    assert (seen.dialogs, seen.loaded) == ([], [])
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)


def test_odd_values_are_drawn_without_an_error(sight: Any, recorded: Recorded) -> None:
    odd = [
        *([math.nan, math.nan], [0.0], [1e308, -1e308], [5e-324, 1e-300]),
        [math.inf, 1.0, -math.inf, 2.0, math.nan, 3.0],
    ]
    for number, values in enumerate(odd):
        recorded.metric(f"val/{number}_loss", values)
    recorded.end()
    seen = sight(build_report(recorded.path, reader_language="en"))
    seen.charts(len(odd))
    assert (seen.complaints, seen.requests) == ([], [])

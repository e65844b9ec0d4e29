from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from lineside.reports.terminal_chart import Frame, chart, spark
from lineside.store.extremes import at_most
from lineside.store.series import Series, floats, integers

NAN, INF = math.nan, math.inf


def series(values: Sequence[float], stride: int = 1) -> Series:
    count = len(values)
    steps = integers(range(0, count * stride, stride))
    return Series(steps, integers([0] * count), floats(values), floats([0.0] * count))


def lines(values: Sequence[float], columns: int = 40, rows: int = 4, **options: bool) -> list[str]:
    curve = series(values)
    frame = Frame.around([curve])
    assert frame is not None
    return chart({"loss": curve}, frame, columns, rows, **options).plain.split("\n")


def test_a_chart_has_a_legend_rows_an_axis_and_steps() -> None:
    drawn = lines([3.0, 2.0, 1.0])
    assert drawn[0].split() == ["loss", "1"]
    assert [line.split("│")[0].strip() for line in drawn[1:5]] == ["3", "", "1.75", "1"]
    assert set(drawn[5].strip()) == {"└", "─"}
    assert drawn[6].split() == ["0", "2"]
    assert {len(line) for line in drawn[1:]} == {40}


def test_every_row_of_a_fall_has_something_in_it() -> None:
    drawn = lines([float(10 - step) for step in range(11)])
    assert all(line.split("│")[1].strip() for line in drawn[1:5])


@pytest.mark.parametrize("points", [100, 5_000, 200_000])
@pytest.mark.parametrize("spike", [9.0, -9.0])
def test_no_spike_is_lost_however_many_points_there_are(points: int, spike: float) -> None:
    values = [1.0] * points
    place = points * 2 // 3
    values[place] = spike
    thinned = at_most(series(values), 400)
    frame = Frame.around([thinned])
    assert frame is not None
    drawn = chart({"loss": thinned}, frame, 60, 5).plain.split("\n")[1:6]
    inner = drawn[0].split("│")[1]
    column = frame.steps.place(place, 2 * len(inner)) // 2
    shaft = [line.split("│")[1][column] for line in drawn]
    assert " " not in shaft
    assert spark(thinned, 30).strip()


def test_nan_and_infinity_interrupt_the_line_and_are_marked() -> None:
    values = [1.0, 1.0, NAN, INF, 1.0, 1.0, 1.0]
    drawn = lines(values, columns=29, rows=3)
    assert drawn[4].count("×") == 2
    row = drawn[2].split("│")[1]
    assert " " in row.strip()
    assert row.strip()[0] != " "


def test_a_single_value_and_a_constant_stand_in_the_middle() -> None:
    assert lines([0.0])[3].strip().startswith("0")
    assert spark(series([5.0, 5.0, 5.0]), 4) == "⠒⠒⠒⠒"


def test_nothing_finite_is_no_frame_and_an_empty_line() -> None:
    assert Frame.around([series([NAN, INF])]) is None
    assert Frame.around([]) is None
    assert Frame.around([series([])]) is None
    assert spark(series([NAN]), 4) == "    "


def test_losses_over_decades_are_drawn_on_a_logarithmic_scale() -> None:
    wide, narrow = series([1000.0, 1.0]), series([50.0, 1.0])
    frame = Frame.around([wide], may_be_log=True)
    assert frame is not None
    assert frame.log
    assert frame.label(0.5) == "31.62"
    assert "log" in chart({"loss": wide}, frame, 40, 4).plain
    for curve, allowed in (
        (narrow, True),
        (wide, False),
        (series([1000.0, 0.0]), True),
        (series([1000.0, -1.0]), True),
    ):
        other = Frame.around([curve], may_be_log=allowed)
        assert other is not None
        assert not other.log


def test_a_line_of_text_may_have_a_logarithmic_scale_too() -> None:
    falling = series([10.0 ** -(step / 10) for step in range(40)])
    assert spark(falling, 8).count("⣀") > 4
    assert spark(falling, 8, may_be_log=True).count("⣀") < 3


def test_two_curves_have_two_colours_and_one_scale() -> None:
    low, high = series([0.0, 1.0, 0.0]), series([2.0, 3.0, 2.0])
    frame = Frame.around([low, high])
    assert frame is not None
    drawn = chart({"low": low, "high": high}, frame, 40, 6)
    styles = {str(span.style) for span in drawn.spans}
    assert {"cyan", "yellow"} <= styles
    assert drawn.plain.split("\n")[1].strip().startswith("3 ")


def test_a_terminal_without_braille_gets_ascii() -> None:
    drawn = "\n".join(lines([1.0, NAN, 3.0], ascii_only=True))
    assert drawn.isascii()
    assert "x" in drawn
    assert spark(series([1.0, 2.0]), 6, ascii_only=True).isascii()


def test_a_very_narrow_chart_is_drawn_all_the_same() -> None:
    assert len(lines([1.0, 2.0], columns=5)) == 7


def test_zero_and_huge_values_are_labelled() -> None:
    drawn = lines([0.0, 1e30])
    assert drawn[1].strip().startswith("1e+30")
    assert drawn[4].strip().startswith("0")

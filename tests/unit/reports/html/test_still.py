from __future__ import annotations

import math

from lineside.reports.html import charts
from lineside.reports.html.charts import Mark
from lineside.reports.html.still import HEIGHT, WIDTH, Still, stills
from lineside.reports.html.wording import Wording
from tests.unit.reports.html.test_charts import series

SAY = Wording("en")


def drawn(values: list[float], steps: list[int] | None = None, marks: list[Mark] | None = None) -> Still:
    (still,) = stills(charts.charts({"f1": series(values, steps)}, SAY), marks or [])
    return still


def test_a_line_goes_through_all_points_and_is_interrupted_where_a_value_is_not_finite() -> None:
    still = drawn([0.0, 1.0, math.nan, 1.0, 0.0, math.inf, 0.5])
    (line,) = still.lines
    stretches = line.path.split(" M")
    assert [stretch.count("L") for stretch in stretches] == [1, 1, 0]
    assert len(line.gaps) == 2
    assert line.gaps[0] < line.gaps[1]


def test_few_points_have_dots_and_of_many_only_those_that_no_line_reaches() -> None:
    assert drawn([1.0, 2.0, 3.0]).lines[0].dots.count("h0") == 3
    many = [float(index % 7) for index in range(100)]
    assert drawn(many).lines[0].dots == ""
    assert drawn([*many, math.nan, 3.0, math.nan]).lines[0].dots.count("h0") == 1


def test_everything_lies_on_the_paper() -> None:
    still = drawn([5.0, -3.0, 12345.0, 0.0], [1, 7, 9, 100], [Mark(9, "best"), Mark(500, "stop")])
    places = [float(word) for word in still.lines[0].path.replace("M", " ").replace("L", " ").split()]
    assert all(0 <= x <= WIDTH for x in places[::2])
    assert all(0 <= y <= HEIGHT for y in places[1::2])
    assert all(0 <= tick.place <= WIDTH for tick in still.steps)
    assert all(0 <= tick.place <= HEIGHT for tick in still.values)
    # A mark outside of what is drawn is left out.
    assert [kind for _, kind in still.marks] == ["best"]


def test_all_charts_show_the_same_stretch_of_steps() -> None:
    shown = charts.charts({"a": series([1.0, 2.0], [10, 20]), "b": series([1.0, 2.0], [15, 40])}, SAY)
    first, second = stills(shown, [])
    assert first.steps == second.steps
    assert [tick.label for tick in first.steps] == ["10", "15", "20", "25", "30", "35", "40"]


def test_a_spike_among_very_many_points_is_drawn() -> None:
    values = [0.0] * 100_000
    values[77_777] = 1.0
    still = drawn(values)
    assert len(still.lines[0].path) < 10_000
    top = min(float(word) for word in still.lines[0].path.replace("M", " ").replace("L", " ").split()[1::2])
    assert top < still.values[-1].place + 1


def test_what_has_no_number_at_all_has_no_ticks() -> None:
    still = drawn([math.nan, math.inf])
    assert (still.values, still.lines[0].path) == ([], "")
    assert len(still.lines[0].gaps) == 2


def test_nothing_is_drawn_of_nothing() -> None:
    assert stills([], []) == []

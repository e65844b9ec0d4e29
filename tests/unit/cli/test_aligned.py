from __future__ import annotations

from rich.text import Text

from lineside.cli.aligned import aligned

ROWS = [["name", "state", "step"], ["训练", Text("killed", "red"), "5"], ["b", "ok", "1,000"]]
RIGHT = [False, False, True]


def test_cells_stand_below_each_other_also_in_chinese() -> None:
    assert aligned(ROWS, RIGHT, 80).plain.splitlines() == [
        "name  state    step",
        "训练  killed      5",
        "b     ok      1,000",
    ]


def test_where_a_line_is_too_wide_the_first_cell_has_its_own() -> None:
    assert aligned(ROWS, RIGHT, 18).plain.splitlines() == [
        *("name", "  state    step"),
        *("训练", "  killed      5"),
        *("b", "  ok      1,000"),
    ]


def test_styles_of_cells_are_kept_and_the_heading_is_dim() -> None:
    spans = {
        (str(span.style), aligned(ROWS, RIGHT, 80).plain[span.start : span.end])
        for span in aligned(ROWS, RIGHT, 80).spans
    }
    assert ("red", "killed") in spans
    assert ("dim", "state") in spans

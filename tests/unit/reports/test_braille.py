from __future__ import annotations

import pytest

from lineside.reports.braille import Canvas, characters


def drawn(canvas: Canvas) -> list[str]:
    return [characters(row) for row in canvas.cells]


def test_a_cell_holds_two_by_four_dots_from_the_lower_left() -> None:
    canvas = Canvas(1, 1)
    canvas.column(0, 0, 0)
    assert drawn(canvas) == ["⡀"]
    canvas.column(1, 3, 3)
    assert drawn(canvas) == ["⡈"]
    canvas.column(0, 0, 3)
    canvas.column(1, 0, 3)
    assert drawn(canvas) == ["⣿"]


def test_an_empty_cell_is_a_blank() -> None:
    assert drawn(Canvas(3, 2)) == ["   ", "   "]


def test_a_flat_line_is_one_row_of_dots() -> None:
    canvas = Canvas(2, 1)
    canvas.line((0, 0), (3, 0))
    assert drawn(canvas) == ["⣀⣀"]


@pytest.mark.parametrize(("start", "end"), [((0, 0), (1, 15)), ((0, 15), (1, 0)), ((1, 0), (1, 15)), ((1, 15), (1, 0))])
def test_a_steep_line_has_no_holes(start: tuple[int, int], end: tuple[int, int]) -> None:
    canvas = Canvas(1, 4)
    canvas.line(start, end)
    rows = [bits for (bits,) in canvas.cells]
    # Of the four rows of dots in a cell each must hold one of its two dots.
    assert all((bits & 0x09) and (bits & 0x12) and (bits & 0x24) and (bits & 0xC0) for bits in rows)


def test_a_line_ends_where_it_should() -> None:
    canvas = Canvas(3, 2)
    canvas.line((0, 1), (5, 6))
    assert canvas.cells[1][0] & 0x04
    assert canvas.cells[0][2] & 0x10
    assert not canvas.cells[0][0]


def test_without_braille_a_mark_tells_the_half() -> None:
    assert characters([0, 0x01, 0x40, 0x41, 0xFF], ascii_only=True) == " '.::"

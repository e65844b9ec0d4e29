from __future__ import annotations

from lineside.store.series import Point, Series, floats, integers


def series(*points: tuple[int, float]) -> Series:
    return Series(
        integers(step for step, _ in points),
        integers(step // 10 for step, _ in points),
        floats(value for _, value in points),
        floats(step + 0.5 for step, _ in points),
    )


def test_points_are_read_by_position() -> None:
    assert series((10, 1.0), (20, 2.0))[-1] == Point(20, 2, 2.0, 20.5)


def test_points_are_taken_in_the_given_order() -> None:
    assert series((1, 1.0), (2, 2.0), (3, 3.0)).take([2, 0]) == series((3, 3.0), (1, 1.0))


def test_step_order_keeps_the_order_within_a_step() -> None:
    assert series((2, 1.0), (1, 2.0), (2, 3.0)).in_step_order() == series((1, 2.0), (2, 1.0), (2, 3.0))


def test_joining_leaves_the_parts_alone() -> None:
    part = series((1, 1.0))
    assert Series.joined([part, part]) == series((1, 1.0), (1, 1.0))
    assert len(part) == 1
    assert len(Series.joined([])) == 0

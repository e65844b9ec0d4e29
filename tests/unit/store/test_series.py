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


def test_points_are_ordered_by_step_and_time() -> None:
    mixed = Series(integers([2, 1, 2]), integers([0] * 3), floats([1, 2, 3]), floats([9.0, 8.0, 7.0]))
    assert list(mixed.in_order().values) == [2, 3, 1]
    assert mixed.in_order().in_order() == mixed.in_order()


def test_joining_leaves_the_parts_alone() -> None:
    part = series((1, 1.0))
    assert Series.joined([part, part]) == series((1, 1.0), (1, 1.0))
    assert len(part) == 1
    assert len(Series.joined([])) == 0

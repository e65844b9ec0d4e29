from __future__ import annotations

import numpy as np

from lineside.reports.points import alone, by_step, coordinates, thinned

NAN, INF = np.nan, np.inf


def test_epochs_tell_points_apart_unless_one_epoch_has_several() -> None:
    assert not by_step([[[10, 0, 1.0], [20, 1, 1.0]], [[20, 1, 1.0]]])
    assert by_step([[[10, 0, 1.0], [20, 1, 1.0]], [[5, 0, 1.0], [10, 0, 1.0]]])
    assert not by_step([])


def test_epochs_are_counted_from_one() -> None:
    points = [[10, 0, 0.5], [20, 1, NAN]]
    assert coordinates(points, steps=False)[0].tolist() == [1.0, 2.0]
    assert coordinates(points, steps=True)[0].tolist() == [10.0, 20.0]
    assert coordinates(points, steps=True)[1].tolist()[0] == 0.5
    assert coordinates([], steps=True)[0].tolist() == []


def test_few_points_stay_as_they_are() -> None:
    x = np.arange(5.0)
    assert thinned(x, x, most=5)[0] is x


def test_many_points_keep_ends_peaks_and_gaps() -> None:
    x = np.arange(100_000.0)
    y = np.sin(x / 500)
    y[31_234], y[65_432], y[77_777] = 50.0, -50.0, NAN
    few_x, few_y = thinned(x, y, most=200)
    assert len(few_x) <= 302
    assert (np.diff(few_x) > 0).all()
    assert (few_x[0], few_x[-1]) == (0.0, 99_999.0)
    assert {31_234.0, 65_432.0, 77_777.0} <= set(few_x)
    assert np.nanmax(few_y) == 50.0
    assert np.nanmin(few_y) == -50.0


def test_points_that_no_line_reaches_are_found() -> None:
    assert alone(np.array([1.0, NAN, 2.0, 3.0, INF, 4.0])).tolist() == [True, False, False, False, False, True]
    assert alone(np.array([1.0])).tolist() == [True]
    assert alone(np.array([])).tolist() == []

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lineside.reports.sample_images import Normalisation, channels_last, classes_of_pixels, is_image, shown


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("shape", "image"),
    [((8, 8), True), ((3, 8, 8), True), ((8, 8, 3), True), ((1, 5, 9), True), ((8, 3), False), ((8,), False),
     ((), False), ((7, 8, 9), False), ((2, 3, 4, 5), False)],
)  # fmt: skip
def test_an_image_is_known_by_its_shape(shape: tuple[int, ...], image: bool) -> None:
    assert is_image(zeros(*shape)) is image


@pytest.mark.parametrize(
    ("shape", "last"), [((8, 9), (8, 9)), ((1, 8, 9), (8, 9)), ((8, 9, 1), (8, 9)), ((3, 8, 9), (8, 9, 3))]
)
def test_channels_come_last(shape: tuple[int, ...], last: tuple[int, ...]) -> None:
    assert channels_last(zeros(*shape)).shape == last


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 0.25], [0.5, 1.0]], [[0.0, 0.25], [0.5, 1.0]]),
        ([[0, 255], [51, 102]], [[0.0, 1.0], [0.2, 0.4]]),
        ([[-1, 1], [0, 0]], [[0.0, 1.0], [0.5, 0.5]]),
        ([[3, 3], [3, 3]], [[3 / 255] * 2] * 2),
        ([[-3, -3], [-3, -3]], [[0, 0], [0, 0]]),
        ([[np.nan, np.inf], [0.5, 1.0]], [[0.0, 0.0], [0.5, 1.0]]),
        ([[-0.001, 1.01], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]),
    ],
    ids=["unit", "bytes", "signed", "grey", "constant", "not finite", "rounded"],
)
def test_black_is_0_and_white_is_1(values: Any, expected: Any) -> None:
    assert shown(np.array(values, np.float32), Normalisation()) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_normalisation_is_undone_per_channel() -> None:
    image = np.stack([np.full((4, 4), value, np.float32) for value in (0.2, 0.4, 0.6)])
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    normalised = (image - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    assert shown(normalised.astype(np.float32), Normalisation(mean, std))[0, 0] == pytest.approx([0.2, 0.4, 0.6])
    assert shown((image[:1] - 0.1) / 0.5, Normalisation([0.1], [0.5]))[0, 0] == pytest.approx(0.2)


def test_a_normalisation_of_other_channels_is_left_alone() -> None:
    assert shown(np.full((4, 4), 0.5, np.float32), Normalisation([0.1, 0.1, 0.1]))[0, 0] == 0.5


def test_features_without_colours_are_shown_by_their_mean() -> None:
    assert shown(np.ones((6, 8, 8), np.float32) * 0.5, Normalisation()).shape == (6, 8)


def test_class_numbers_and_scores_of_pixels_are_classes() -> None:
    numbers = np.array([[0, 1], [2, 21]], np.float32)
    assert classes_of_pixels(numbers, whole=True, of_input=(2, 2)).tolist() == [[0, 1], [2, 1]]
    scores = np.zeros((5, 2, 2), np.float32)
    scores[4] = 1
    assert classes_of_pixels(scores, whole=False, of_input=(2, 2, 3)).tolist() == [[4, 4], [4, 4]]


@pytest.mark.parametrize(
    ("shape", "of_input"), [((2, 2), (2, 2)), ((3, 2, 2), (2, 2, 3)), ((1, 2, 2), (2, 2)), ((5, 4, 4), (2, 2))]
)
def test_images_are_not_taken_for_classes(shape: tuple[int, ...], of_input: tuple[int, ...]) -> None:
    assert classes_of_pixels(zeros(*shape), whole=False, of_input=of_input) is None

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
import numpy as np

from lineside.reports.prediction_figure import _cells, _pictures, draw
from lineside.reports.sample_images import Normalisation
from lineside.reports.sample_table import table
from lineside.reports.samples import Part, Sample, Verdict, unpacked, verdict

WORDS = {"input": "input", "target": "target", "predicted": "predicted"}


def packed(shape: tuple[int, ...], *, whole: bool = False) -> dict[str, Any]:
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    return {"data": (values * 3).round().tobytes() if whole else values.tobytes(), "shape": list(shape), "whole": whole}


def taken(inputs: Any, targets: Any, outputs: Any, count: int = 5) -> list[dict[str, Any]]:
    return [{"count": count, "inputs": inputs, "targets": targets, "outputs": outputs}]


NUMBERS = packed((5,), whole=True)


@pytest.mark.parametrize(
    "samples",
    [
        taken(packed((5, 1, 8, 8)), NUMBERS, packed((5, 4))),
        taken(packed((5, 8, 8, 3)), NUMBERS, packed((5, 4))),
        taken(packed((5, 3, 8, 8)), packed((5, 3, 8, 8)), packed((5, 3, 8, 8))),
        taken(packed((5, 3, 8, 8)), packed((5, 8, 8), whole=True), packed((5, 6, 8, 8))),
        taken(packed((5, 3, 8, 8)), None, packed((5, 3, 16, 16))),
        taken(packed((5, 30)), packed((5, 10)), packed((5, 10))),
        taken(packed((5, 4)), NUMBERS, packed((5, 3))),
        taken(packed((5,)), packed((5,)), packed((5, 1))),
        taken(packed((5, 20), whole=True), NUMBERS, None),
        taken(["a text", "$5 and $6", "", "much " * 90, "中文"], NUMBERS, packed((5, 2))),
        taken(["one"], None, None, count=1),
        [*taken(packed((5, 1, 8, 8)), NUMBERS, packed((5, 4))), *taken(packed((2, 1, 8, 8)), None, None, count=2)],
    ],
    ids=[
        *("images", "channels last", "images to images", "segments", "no targets", "curves", "few numbers"),
        *("single numbers", "no outputs", "texts", "one text", "two batches"),
    ],
)
def test_whatever_was_taken_is_drawn(samples: Any, tmp_path: Path) -> None:
    path = tmp_path / "plots" / "a.png"
    picture = draw(
        taken=samples, kind="auto", classes=["a", "b"], mean=[0.5], std=None, path=str(path), title="p / $r$",
        subtitle="epoch 1", language="zh",
    )  # fmt: skip
    assert picture.startswith(b"\x89PNG")
    assert path.read_bytes() == picture


@pytest.mark.parametrize("kind", ["image", "vector", "text"])
def test_the_kind_can_be_given(kind: Any, tmp_path: Path) -> None:
    samples = taken(packed((5, 8, 8)), NUMBERS, packed((5, 4)))
    picture = draw(
        taken=samples, kind=kind, classes=None, mean=None, std=None, path=str(tmp_path / "a.png"), title="", subtitle=""
    )
    assert picture.startswith(b"\x89PNG")


def test_right_and_wrong_are_told_by_a_sign_and_by_a_colour() -> None:
    samples = unpacked(taken(packed((5, 1, 8, 8)), NUMBERS, packed((5, 4))))
    verdicts = [Verdict("cat", "cat (0.90)", True), Verdict("cat", "dog (0.50)", False), Verdict("1.5", "1.4")]
    figure = _cells(samples[:3], verdicts, "image", Normalisation(), WORDS)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "target: cat\n✓ predicted: cat (0.90)",
        "target: cat\n✗ predicted: dog (0.50)",
        "target: 1.5\npredicted: 1.4",
    ]


def test_curves_that_are_answers_share_their_axes() -> None:
    values = np.arange(6, dtype=np.float32)
    sample = Sample(Part(values), Part(values + 1), Part(values + 2))
    figure = _cells([sample], [verdict(sample, None)], "vector", Normalisation(), WORDS)
    assert [line.get_label() for line in figure.axes[0].lines] == ["input", "target", "predicted"]
    other = Sample(Part(np.zeros(9, np.float32)), Part(values), Part(values))
    figure = _cells([other], [verdict(other, None)], "vector", Normalisation(), WORDS)
    assert [line.get_label() for line in figure.axes[0].lines] == ["target", "predicted"]


def test_a_picture_that_is_predicted_stands_below_its_input() -> None:
    image = Part(np.full((8, 8), 0.25, np.float32))
    figure = _pictures([Sample(image, image, image), Sample(image, None, image)], Normalisation([0.5], [1.0]), WORDS)
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["input", "target", "predicted"]
    assert figure.axes[0].images[0].get_array()[0, 0] == 0.75


def test_long_texts_are_wrapped_and_cut() -> None:
    figure = table([("word " * 200, Verdict("good", "bad (0.7)", False)), ("", Verdict("", "?"))], WORDS)
    lines = [text.get_text() for text in figure.texts]
    assert lines[:3] == ["input", "target", "predicted"]
    assert lines[3].count("\n") == 3
    assert lines[3].endswith("…")
    assert "✗ bad (0.7)" in lines

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from lineside.reports.confusion import report

pytest.importorskip("matplotlib")

CELLS = [(0, 0, 3), (0, 1, 1), (1, 1, 2)]


def drawn(path: Path, cells: Any = CELLS, names: Any = ("a", "b"), **options: Any) -> bytes:
    given = {"left_out": 0, "normalize": "true", "title": "project / run", "subtitle": "epoch 1"} | options
    return report(cells=cells, names=list(names), path=str(path / "plots" / "one"), **given)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_tables_hold_all_pairs_that_occurred_and_the_scores_of_each_class(tmp_path: Path) -> None:
    picture = drawn(tmp_path, names=("a,b", "b", "never"))
    folder = tmp_path / "plots"
    assert rows(folder / "one.csv") == [
        ["actual", "predicted", "count"], ["a,b", "a,b", "3"], ["a,b", "b", "1"], ["b", "b", "2"],
    ]  # fmt: skip
    assert rows(folder / "one-classes.csv") == [
        ["class", "precision", "recall", "f1", "support"],
        ["a,b", "1", "0.75", "0.857143", "4"],
        ["b", "0.666667", "1", "0.8", "2"],
        ["never", "", "", "", "0"],
    ]
    assert (folder / "one.png").read_bytes() == picture
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(("normalize", "language"), [("true", "zh"), ("pred", "en"), ("all", "zh"), (None, "en")])
def test_it_is_drawn_in_every_way(normalize: str | None, language: str, tmp_path: Path) -> None:
    assert drawn(tmp_path, normalize=normalize, language=language, left_out=3).startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [2, 30, 31, 400])
def test_it_is_drawn_of_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    cells = [(k, k, 5) for k in range(classes)] + [(k, (k + 1) % classes, 10_000 * k) for k in range(1, classes)]
    picture = drawn(tmp_path, cells, [f"class $ {k}" for k in range(classes)])
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [2, 40])
@pytest.mark.parametrize("cells", [[], [(0, 0, 7)], [(0, 1, 1)]], ids=["nothing", "all right", "all wrong"])
def test_it_is_drawn_of_hardly_anything(classes: int, cells: Any, tmp_path: Path) -> None:
    assert drawn(tmp_path, cells, [str(k) for k in range(classes)]).startswith(b"\x89PNG")

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("matplotlib")

from matplotlib.image import imread

from lineside.reports.range_test_figure import draw

SVG = "{http://www.w3.org/2000/svg}"


def drawn(tmp_path: Path, **changes: Any) -> tuple[bytes, Path]:
    lrs = [1e-5 * 10 ** (place / 10) for place in range(40)]
    losses = [2.3 - 1.5 / (1 + 2.7 ** (25 - place)) + 2 ** max(0, place - 32) for place in range(40)]
    arguments: dict[str, Any] = {
        "lrs": lrs,
        "losses": losses,
        "smoothing": 0.6,
        "suggestion": lrs[25],
        "reason": "Suggested: that one.",
        "logarithmic": True,
        "paths": {"png": str(tmp_path / "plots" / "lr.png"), "svg": str(tmp_path / "plots" / "lr.svg")},
        "title": "digits / run-$1",
    }
    return draw(**{**arguments, **changes}), tmp_path / "plots"


def test_both_files_are_written_and_the_same_test_gives_the_same_bytes(tmp_path: Path) -> None:
    picture, plots = drawn(tmp_path / "one")
    assert (plots / "lr.png").read_bytes() == picture
    assert imread(plots / "lr.png").shape == (660, 1200, 4)
    assert ET.parse(plots / "lr.svg").getroot().tag == f"{SVG}svg"
    again, others = drawn(tmp_path / "other")
    assert again == picture
    assert (others / "lr.svg").read_bytes() == (plots / "lr.svg").read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"suggestion": None},
        {"logarithmic": False},
        {"language": "zh"},
        {"lrs": [0.1], "losses": [0.0], "suggestion": None},
        {"lrs": [0.1, 0.2, 0.3], "losses": [5.0] * 3, "suggestion": None},
        {"losses": [-1e9 + place for place in range(40)]},
    ],
    ids=["none", "linear", "Chinese", "one point", "constant", "huge"],
)
def test_it_draws_whatever_there_is(tmp_path: Path, changes: dict[str, Any]) -> None:
    picture, plots = drawn(tmp_path, **{"paths": {}, **changes})
    assert picture.startswith(b"\x89PNG")
    assert not plots.exists()

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lineside.reports import curves
from lineside.reports.curves import draw
from lineside.reports.fonts import chinese_font

NAN, INF = math.nan, math.inf


def points(*values: float) -> list[list[Any]]:
    return [[10 * (epoch + 1), epoch, value] for epoch, value in enumerate(values)]


def figure(series: dict[str, Any], marks: Any = None, words: Any = None) -> Figure:
    return curves._figure(series, "title", "", marks or {}, words or {})


def titles(drawn: Figure) -> list[str]:
    return [axes.get_title(loc="left") or axes.get_title() for axes in drawn.axes]


def labels(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def key(drawn: Figure) -> list[str]:
    return [text.get_text() for legend in drawn.legends for text in legend.get_texts()]


def test_files_are_written_and_directories_made(tmp_path: Path) -> None:
    png, svg = tmp_path / "plots" / "c.png", tmp_path / "plots" / "c.svg"
    note = draw(series={"train/loss": points(1.0, 0.5)}, path_png=str(png), path_svg=str(svg), title="t", marks={})
    assert note is None
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in svg.read_text("utf-8")
    assert sorted(path.name for path in png.parent.iterdir()) == ["c.png", "c.svg"]


def test_the_same_curves_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw(series={"train/loss": points(1.0)}, path_png=None, path_svg=str(tmp_path / name), title="t", marks={})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_training_and_validation_share_a_panel_loss_first_and_rates_last() -> None:
    names = ["lr", "train/accuracy", "val/accuracy", "train/loss", "val/loss", "val/f1", "lr/head", "custom/x"]
    drawn = figure({name: points(1.0, 0.5) for name in names})
    assert titles(drawn) == ["loss", "accuracy", "f1", "custom/x", "learning rate"]
    assert labels(drawn.axes[0]) == ["training", "validation"]
    assert labels(drawn.axes[2]) == ["validation"]
    assert labels(drawn.axes[4]) == ["lr", "lr/head"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7, 8])
def test_panels_leave_no_hole(count: int) -> None:
    drawn = figure({f"train/m{number}": points(1.0) for number in range(count)})
    first, *others = [axes.get_subplotspec() for axes in drawn.axes]
    grid = first.get_gridspec()
    cells = [(row, column) for spec in (first, *others) for row in spec.rowspan for column in spec.colspan]
    assert sorted(cells) == [(row, column) for row in range(grid.nrows) for column in range(grid.ncols)]


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("train/loss", (100.0, 0.5), "log"),
        ("train/loss", (1.0, 0.5), "linear"),
        ("train/loss", (100.0, 0.0), "linear"),
        ("train/loss", (1.0, -100.0), "linear"),
        ("train/accuracy", (1e-6, 0.9), "linear"),
        ("lr", (1e-3, 1e-4), "log"),
        ("lr", (1e-3, 0.0), "linear"),
        ("train/loss", (NAN, INF), "linear"),
    ],
)
def test_the_scale_is_logarithmic_where_the_loss_spans_decades(name: str, values: tuple, scale: str) -> None:
    assert figure({name: points(*values)}).axes[0].get_yscale() == scale


def test_values_that_are_not_finite_are_gaps_with_a_mark() -> None:
    drawn = figure({"train/loss": points(1.0, NAN, 0.5, INF, -INF)})
    line, marks = drawn.axes[0].get_lines()[:2]
    assert [math.isnan(value) for value in line.get_ydata()] == [False, True, False, True, True]
    assert list(marks.get_xdata()) == [2.0, 4.0, 5.0]
    assert key(drawn) == ["NaN or infinite"]


def test_finite_curves_need_no_key() -> None:
    assert key(figure({"train/loss": points(1.0, 0.5)})) == []


@pytest.mark.parametrize("values", [(0.5,), (NAN, 0.5, NAN)])
def test_a_single_point_is_visible(values: tuple[float, ...]) -> None:
    line = figure({"train/loss": points(*values)}).axes[0].get_lines()[0]
    assert line.get_marker() == "o"
    assert [index for index, shown in enumerate(line.get_markevery()) if shown] == [values.index(0.5)]


def test_a_long_curve_is_thinned_and_bears_no_markers() -> None:
    line = figure({"train/loss": points(*(1 / (i + 1) for i in range(50_000)))}).axes[0].get_lines()[0]
    assert len(line.get_xdata()) < 4000
    assert line.get_marker() == ""


def test_what_happened_is_marked_in_all_panels_and_explained() -> None:
    series = {"train/loss": points(1.0, 0.5, 0.6), "val/accuracy": points(0.1, 0.2, 0.3)}
    marks = {"best": ["train/loss", 20, 1, 0.5], "lr_cuts": [[20, 1]], "stopped": [30, 2]}
    drawn = figure(series, marks)
    assert key(drawn) == ["best: train/loss 0.5, epoch 2", "learning rate cut", "stopped early"]
    for axes in drawn.axes:
        places = [x for mark in axes.collections for (x, _), _ in mark.get_segments()]
        assert sorted(places) == [2.0, 2.0, 3.0]
    stars = [[line.get_marker() for line in axes.get_lines()].count("*") for axes in drawn.axes]
    assert stars == [1, 0]


def test_the_axis_counts_steps_where_epochs_do_not_tell_points_apart() -> None:
    drawn = figure({"val/loss": [[5, 0, 1.0], [10, 0, 0.5]]}, {"best": ["val/loss", 10, 0, 0.5]})
    assert drawn.axes[0].get_xlabel() == "step"
    assert list(drawn.axes[0].get_lines()[0].get_xdata()) == [5.0, 10.0]
    assert figure({"val/loss": points(1.0, 0.5)}).axes[0].get_xlabel() == "epoch"


def test_all_panels_show_the_same_stretch() -> None:
    drawn = figure({"train/loss": points(1.0, 0.5, 0.25), "val/f1": points(0.5)})
    assert len({axes.get_xlim() for axes in drawn.axes}) == 1


@pytest.mark.parametrize("series", [{}, {"val/loss": []}, {"train/$x$": points(1.0), "train/损失": points(0.0)}])
def test_odd_series_are_drawn(series: dict[str, Any], tmp_path: Path) -> None:
    draw(series=series, path_png=str(tmp_path / "c.png"), path_svg=None, title="50 $ a\\day", marks={})
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_chinese_labels_where_there_is_a_font(tmp_path: Path) -> None:
    if chinese_font() is None:
        pytest.skip("no font with Chinese characters is installed here")
    series = {"train/loss": points(1.0)}
    assert draw(series=series, path_png=str(tmp_path / "c"), path_svg=None, title="", marks={}, language="zh") is None


def test_chinese_words_stand_for_the_english_ones() -> None:
    drawn = figure({"train/loss": points(1.0), "lr": points(NAN)}, words=curves._WORDS)
    assert titles(drawn) == ["损失", "学习率"]
    assert labels(drawn.axes[0]) == ["训练"]
    assert drawn.axes[0].get_xlabel() == "轮次"
    assert key(drawn) == ["NaN 或无穷大"]


def test_without_a_font_the_labels_are_english_and_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(curves, "chinese_font", lambda: None)
    path = tmp_path / "c.svg"
    series = {"train/loss": points(1.0)}
    note = draw(series=series, path_png=None, path_svg=str(path), title="", marks={}, language="zh")
    assert note is not None
    assert "fonts-noto-cjk" in note
    assert "labelled in English" in note


def test_pyplot_and_torch_stay_out() -> None:
    script = "import sys, lineside.reports.curves; print(*sorted({'matplotlib.pyplot', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""

from __future__ import annotations

import io
import logging
import sys
import types
from typing import Any

import pytest

from lineside.errors import MissingDependency
from lineside.reports import progress_display
from lineside.reports.progress_display import NotebookDisplay, PlainDisplay, Standing, TerminalDisplay, choose


@pytest.mark.parametrize(
    ("eta", "shown"),
    [(None, ""), (0.0, "ETA 0:00"), (59.6, "ETA 1:00"), (3600.0, "ETA 1:00:00"), (90061, "ETA 25:01:01")],
)
def test_time_left(eta: float | None, shown: str) -> None:
    assert Standing("", 1, 2, eta=eta).left == shown


def test_counts_are_padded_so_that_nothing_jumps() -> None:
    assert Standing("", 7, 450).count == "  7/450"
    assert Standing("", 7, None).count == "7"


@pytest.mark.parametrize(
    ("standing", "width", "ascii_only", "line"),
    [
        (Standing("epoch 1/2", 5, 10, "loss 0.5"), 40, False, "epoch 1/2 ━━━━━━━━━━━━━━  5/10  loss 0.5"),
        (Standing("第 1/2 轮", 5, 10, "loss 0.5"), 40, False, "第 1/2 轮 ━━━━━━━━━━━━━━  5/10  loss 0.5"),
        (Standing("epoch 1/2", 5, 10), 30, True, "epoch 1/2 =======-------  5/10"),
        (Standing("epoch 1/2", 12, 10), 30, True, "epoch 1/2 ============== 12/10"),
        (Standing("epoch 1/2", 5, 10, "loss 0.5"), 30, False, "epoch 1/2  5/10  loss 0.5"),
        (Standing("epoch 1", 5, None, "loss 0.5"), 80, False, "epoch 1 5  loss 0.5"),
    ],
)
def test_the_bar_fills_the_line_and_goes_where_there_is_no_room(
    standing: Standing, width: int, ascii_only: bool, line: str
) -> None:
    assert progress_display._bar_line(standing, width, ascii_only=ascii_only).plain == line


class Widget:
    """Stands for tqdm's widget, and writes down what is done to it."""

    def __init__(self, total: int | None, leave: bool) -> None:
        self.calls: list[Any] = [("new", total, leave)]
        self.n = 0

    def reset(self, total: int | None) -> None:
        self.calls.append(("reset", total))

    def set_description_str(self, label: str, refresh: bool) -> None:
        self.label = label

    def set_postfix_str(self, values: str, refresh: bool) -> None:
        self.values = values

    def refresh(self) -> None:
        self.calls.append((self.label, self.n, self.values))

    def close(self) -> None:
        self.calls.append("closed")


def test_a_widget_moves_starts_anew_with_each_stage_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    widgets = []

    def tqdm(**options: Any) -> Widget:
        widgets.append(Widget(**options))
        return widgets[-1]

    monkeypatch.setitem(sys.modules, "tqdm.notebook", types.SimpleNamespace(tqdm=tqdm))
    shown = NotebookDisplay()
    shown.update(Standing("epoch 1", 1, 4, "loss 0.5", 60.0))
    shown.update(Standing("epoch 1", 2, 4, "loss 0.4"))
    shown.update(Standing("epoch 1  validation", 1, 2))
    shown.close()
    shown.close()
    assert widgets[0].calls == [
        ("new", 4, False),
        ("epoch 1", 1, "loss 0.5  ETA 1:00"),
        ("epoch 1", 2, "loss 0.4"),
        ("reset", 2),
        ("epoch 1  validation", 1, ""),
        "closed",
    ]


def in_kernel(monkeypatch: pytest.MonkeyPatch, kernel: object) -> None:
    shell = types.SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def test_a_notebook_gets_the_widget_and_its_terminal_shell_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    in_kernel(monkeypatch, object())
    assert isinstance(choose("auto", None), NotebookDisplay)
    assert isinstance(choose("auto", io.StringIO()), PlainDisplay)
    in_kernel(monkeypatch, None)
    assert isinstance(choose("auto", None), PlainDisplay)


def test_a_notebook_without_its_libraries_gets_lines_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_kernel(monkeypatch, object())
    monkeypatch.setattr(progress_display, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "lineside"):
        assert isinstance(choose("auto", None), PlainDisplay)
    assert "pip install 'lineside[notebook]'" in caplog.text
    with pytest.raises(MissingDependency, match="tqdm"):
        choose("notebook", None)


def test_the_kind_may_be_chosen() -> None:
    assert isinstance(choose("plain", None), PlainDisplay)
    assert isinstance(choose("terminal", io.StringIO()), TerminalDisplay)

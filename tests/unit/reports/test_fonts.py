from __future__ import annotations

from types import SimpleNamespace

import pytest

from lineside.reports import fonts


def manager(monkeypatch: pytest.MonkeyPatch, *names: str, later: str = "") -> None:
    """Let this machine have these fonts, and one that matplotlib's cache has not seen."""
    known = [SimpleNamespace(name=name, fname=f"{name}.ttf") for name in names]

    def add(path: str) -> None:
        if path == "broken.ttf":
            raise RuntimeError("no font")
        known.append(SimpleNamespace(name=path.removesuffix(".ttf"), fname=path))

    monkeypatch.setattr(fonts, "fontManager", SimpleNamespace(ttflist=known, addfont=add))
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: ["broken.ttf", *([f"{later}.ttf"] if later else [])])


def test_the_first_known_font_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    manager(monkeypatch, "DejaVu Sans", "SimHei", "Noto Sans CJK SC")
    assert fonts.chinese_font() == "Noto Sans CJK SC"


def test_a_font_that_was_installed_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    manager(monkeypatch, "DejaVu Sans", later="WenQuanYi Zen Hei")
    assert fonts.chinese_font() == "WenQuanYi Zen Hei"


def test_there_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    manager(monkeypatch, "DejaVu Sans")
    assert fonts.chinese_font() is None

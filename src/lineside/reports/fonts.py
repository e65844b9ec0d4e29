"""A font with Chinese characters, if this machine has one."""

from __future__ import annotations

from contextlib import suppress

from matplotlib.font_manager import findSystemFonts, fontManager

_NAMES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Heiti SC",
    "Microsoft YaHei", "Hiragino Sans GB", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "SimHei", "Droid Sans Fallback",
    "Arial Unicode MS",
)  # fmt: skip


def chinese_font() -> str | None:
    """Return the first font with Chinese characters that this machine has."""
    if (found := _first_known()) is not None:
        return found
    # Matplotlib's list of fonts is a cache that does not see those installed later.
    for path in set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}:
        with suppress(OSError, RuntimeError):  # a file that is no font after all
            fontManager.addfont(path)
    return _first_known()


def _first_known() -> str | None:
    there = {font.name for font in fontManager.ttflist}
    return next((name for name in _NAMES if name in there), None)

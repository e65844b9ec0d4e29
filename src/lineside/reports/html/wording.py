"""How the report puts things into words: language, numbers, times and sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from lineside.language import Language
from lineside.reports.epoch_line import number

LONGEST = 2000
"""Characters of one value; the rest is in the run's own files."""

_STATUS = {
    "running": ("running", "运行中"),
    "completed": ("completed", "已完成"),
    "stopped": ("stopped", "已停止"),
    "interrupted": ("interrupted", "已中断"),
    "failed": ("failed", "失败"),
    "killed": ("killed", "被终止"),
    "evaluated": ("evaluation", "评估"),
}
_ASKED = {
    "restore": ("restore", "还原"),
    "set_lr": ("learning rate", "学习率"),
    "validate": ("validate", "验证"),
    "save": ("save", "保存"),
    "unpause": ("go on", "继续"),
    "pause": ("pause", "暂停"),
    "stop": ("stop", "停止"),
    "interrupt": ("interrupt", "中断"),
}
_ORIGIN = {
    "callback": ("callback", "回调"),
    "background": ("callback in the background", "后台回调"),
    "operator": ("operator", "操作者"),
    "signal": ("signal", "信号"),
    "loop": ("training loop", "训练循环"),
}
_LEVEL = {"info": ("note", "提示"), "warning": ("warning", "警告"), "error": ("error", "错误")}
_LANE = {"inline": ("inline", "内联"), "background": ("background", "后台"), "saves": ("saves", "保存")}


class Wording:
    """Says everything in one language. What it is given may come from a crafted run: nothing here raises."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, en: str, zh: str) -> str:
        """Return one of two texts that say the same."""
        return zh if self.language == "zh" else en

    def status(self, status: str) -> str:
        """Return the word for how a run or an attempt stands."""
        return self._known(_STATUS, status)

    def asked(self, kind: str) -> str:
        """Return the word for what a request asks."""
        return self._known(_ASKED, kind)

    def origin(self, origin: str) -> str:
        """Return what kind of author a request has."""
        return self._known(_ORIGIN, origin)

    def level(self, level: str) -> str:
        """Return the word for how urgent an alert is."""
        return self._known(_LEVEL, level)

    def lane(self, lane: str) -> str:
        """Return where a callback ran."""
        return self._known(_LANE, lane)

    def _known(self, words: Mapping[str, tuple[str, str]], word: str) -> str:
        en, zh = words.get(word, (word, word))
        return self(en, zh)

    def moment(self, time: float) -> str:
        """Return a time, in seconds since 1970, as date and time of day of this machine."""
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return "?"

    def zone(self, time: float) -> str:
        """Return the offset of this machine's time from UTC at a time: ``UTC+01:00``."""
        with suppress(ValueError, OverflowError, OSError):
            return "UTC" + datetime.fromtimestamp(time).astimezone().isoformat()[-6:]
        return "UTC?"

    def lasted(self, seconds: float) -> str:
        """Return a stretch of time with the two units that tell most of it: ``1 h 05 min``."""
        if not math.isfinite(seconds) or seconds < 0:
            return "?"
        if seconds < 1:
            return f"{seconds * 1000:.0f} {self('ms', '毫秒')}"
        if seconds < 60:
            return f"{seconds:.3g} {self('s', '秒')}"
        minutes, second = divmod(round(seconds), 60)
        if minutes < 60:
            return f"{minutes} {self('min', '分')} {second:02} {self('s', '秒')}"
        hours, minute = divmod(minutes, 60)
        if hours < 48:
            return f"{hours} {self('h', '小时')} {minute:02} {self('min', '分')}"
        return f"{hours // 24} {self('d', '天')} {hours % 24} {self('h', '小时')}"

    def number(self, value: float) -> str:
        """Return a value of a metric with about four significant digits."""
        return number(value)

    def count(self, value: object) -> str:
        """Return a whole number with separators, or a dash for anything else."""
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "–"

    def size(self, count: float) -> str:
        """Return a number of bytes with a unit that fits it."""
        for unit in ("B", "kB", "MB", "GB"):
            if count < 1000:
                return f"{count:.3g} {unit}"
            count /= 1000
        return f"{count:.3g} TB"

    def place(self, step: int, epoch: int) -> str:
        """Return where something stands in the training; people count epochs from 1."""
        return self(f"epoch {epoch + 1:,}, step {step:,}", f"第 {epoch + 1:,} 轮，第 {step:,} 步")

    def shortened(self, text: str) -> str:
        """Return a text, or its beginning where it is very long."""
        return text if len(text) <= LONGEST else f"{text[:LONGEST]} … (+{len(text) - LONGEST:,})"

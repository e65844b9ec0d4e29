"""An alert as a person reads it: heading, sentences, and the facts of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_LEVELS: Final = {
    "en": {"info": "Info", "warning": "Warning", "error": "Error", "end": "Over"},
    "zh": {"info": "提示", "warning": "警告", "error": "错误", "end": "已恢复"},
}
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel carries. The language is that in which the alert was raised.

    Attributes:
        heading: one line that begins with the level.
        text: sentences with the numbers; may be empty.
        facts: what it is about: run, place in the training, machine, time; label and value.
        level: ``info``, ``warning`` or ``error``.
        phase: ``begin``, ``end`` or ``once``.
        language: ``en`` or ``zh``.
        picture: a PNG file that is there, or None.
    """

    heading: str
    text: str
    facts: tuple[tuple[str, str], ...]
    level: str
    phase: str
    language: str
    picture: Path | None = None

    @classmethod
    def of(cls, payload: Mapping[str, Any], picture: Path | None = None) -> Message:
        """Read a delivery's payload; see `lineside.ports.AlertPayload`."""
        chinese = payload["language"] == "zh"
        words = _LEVELS["zh" if chinese else "en"]
        phase, level = str(payload["phase"]), str(payload["level"])
        label = words["end"] if phase == "end" else words.get(level, level)
        return cls(
            heading=one_line(f"{label}{'：' if chinese else ': '}{payload['title']}"),
            text=str(payload["text"]).strip(),
            facts=tuple(_facts(payload, chinese=chinese)),
            level=level,
            phase=phase,
            language="zh" if chinese else "en",
            picture=picture,
        )

    def plain(self, most_bytes: int | None = None) -> str:
        """Return all of it as plain text.

        Args:
            most_bytes: of UTF-8. The text is cut first, then the heading; the facts, by which the run is found, stay.
        """
        colon = "：" if self.language == "zh" else ": "
        facts = "\n".join(f"{label}{colon}{value}" for label, value in self.facts)
        if most_bytes is None:
            return "\n\n".join(filter(None, [f"{self.heading}\n{self.text}".strip(), facts]))
        facts = cut(facts, most_bytes // 2)
        room = most_bytes - len(facts.encode()) - 2
        heading = cut(self.heading, room)
        text = cut(self.text, max(0, room - len(heading.encode()) - 1))
        return "\n\n".join(filter(None, [f"{heading}\n{text}".strip(), facts]))


def cut(text: str, most_bytes: int) -> str:
    """Return a text in at most so many bytes of UTF-8, never half a character."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= most_bytes:
        return text
    room = most_bytes - len(_CUT.encode())
    return encoded[:room].decode(errors="ignore") + _CUT if room > 0 else ""


def one_line(text: str) -> str:
    """Return a text without line breaks and other characters that are not printed."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _facts(payload: Mapping[str, Any], *, chinese: bool) -> list[tuple[str, str]]:
    epoch, step = int(payload["epoch"]) + 1, int(payload["step"])
    when = datetime.fromtimestamp(float(payload["time"]), UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    run = one_line(f"{payload['project']} / {payload['run']}")
    machine = one_line(str(payload["machine"]))
    attempt = int(payload["attempt"])
    if chinese:
        place = f"第 {epoch} 轮，第 {step:,} 步" + (f"，第 {attempt} 次尝试" if attempt > 1 else "")
        return [("训练", run), ("进度", place), ("机器", machine), ("时间", when)]
    place = f"epoch {epoch}, step {step:,}" + (f", attempt {attempt}" if attempt > 1 else "")
    return [("Run", run), ("At", place), ("Machine", machine), ("Time", when)]

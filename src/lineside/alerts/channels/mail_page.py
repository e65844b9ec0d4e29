"""How an alert looks in a mail: one column, readable in light and dark, on a phone and in a program without pictures.

Programs for mail know tables and styles of single elements, and little else.
"""

from __future__ import annotations

from html import escape
from typing import Final

from lineside.alerts.channels.message import Message

_COLOURS: Final = {"info": "#0B6BB8", "warning": "#B45309", "error": "#B91C1C", "end": "#15803D"}
_FONT: Final = "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif"


def page(message: Message, picture: str | None) -> str:
    """Return the page as HTML.

    Args:
        message: what to say; all of it is escaped.
        picture: the content id of the picture in the same mail.
    """
    colour = _COLOURS["end" if message.phase == "end" else message.level]
    text = "".join(f'<p style="margin:0 0 10px">{escape(line)}</p>' for line in message.text.splitlines() if line)
    facts = "".join(
        f'<tr><td style="padding:3px 16px 3px 0;color:#6B7280;white-space:nowrap;vertical-align:top">{escape(label)}'
        f'</td><td style="padding:3px 0;word-break:break-word">{escape(value)}</td></tr>'
        for label, value in message.facts
    )
    image = (
        f'<p style="margin:18px 0 0"><img src="cid:{picture}" alt="" width="552" '
        'style="width:100%;max-width:552px;height:auto;border:1px solid #E5E7EB;border-radius:6px"></p>'
        if picture is not None
        else ""
    )
    return (
        f'<!doctype html><html lang="{message.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
        f'<body style="margin:0;padding:20px 12px;background:#F3F4F6;{_FONT}">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">'
        '<table role="presentation" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;'
        f'background:#FFFFFF;border-radius:8px;border-top:5px solid {colour}"><tr>'
        '<td style="padding:22px 24px 24px;color:#111827;font-size:15px;line-height:1.5">'
        f'<h1 style="margin:0 0 12px;font-size:19px;line-height:1.35;color:{colour}">{escape(message.heading)}</h1>'
        f'{text}<table role="presentation" cellpadding="0" cellspacing="0" style="margin-top:8px;font-size:14px">'
        f"{facts}</table>{image}</td></tr></table></td></tr></table></body></html>"
    )

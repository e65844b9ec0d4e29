"""Addresses as the services themselves print them, which people paste as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit


def translated(address: str) -> str | None:
    """Return an address of Apprise's for one that a service shows its users; None for all others.

    A signed robot of DingTalk's needs its secret as well: ``…&secret=SEC…``.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" or (translate := _SERVICES.get(parts.hostname or "")) is None:
        return None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return translate([part for part in parts.path.split("/") if part], query)


def _wecom(_: list[str], query: Mapping[str, str]) -> str:
    return f"wecombot://{quote(query.get('key', ''), safe='')}"


def _dingtalk(_: list[str], query: Mapping[str, str]) -> str:
    secret = f"{quote(query['secret'], safe='')}@" if "secret" in query else ""
    return f"dingtalk://{secret}{quote(query.get('access_token', ''), safe='')}/"


def _feishu(path: list[str], _: Mapping[str, str]) -> str:
    return f"feishu://{quote(path[-1] if path else '', safe='')}"


def _lark(path: list[str], _: Mapping[str, str]) -> str:
    return f"lark://{quote(path[-1] if path else '', safe='')}"


def _slack(path: list[str], _: Mapping[str, str]) -> str:
    return "slack://" + "/".join(quote(part, safe="") for part in path[-3:])


_SERVICES: Final[Mapping[str, Callable[[list[str], Mapping[str, str]], str]]] = {
    "qyapi.weixin.qq.com": _wecom,
    "oapi.dingtalk.com": _dingtalk,
    "open.feishu.cn": _feishu,
    "open.larksuite.com": _lark,
    "hooks.slack.com": _slack,
}

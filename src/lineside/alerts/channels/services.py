"""Alerts to chats and other services, whose formats and protocols Apprise knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyFormat, NotifyType

from lineside.alerts.channels.answers import judge
from lineside.alerts.channels.carrier import Exchange, exchange
from lineside.alerts.channels.message import Message
from lineside.alerts.channels.policy import target
from lineside.ports import TryAgain, Undeliverable

ENDPOINT: Final = "endpoint"
"""An option of every address: ``?endpoint=https://wecom.example.com`` talks to that host instead of the public one."""

MOST_BYTES: Final[Mapping[str, int]] = {
    "wecombot": 2048,
    "dingtalk": 3_000,
    "feishu": 3_000,
    "lark": 3_000,
    "slack": 30_000,
    "tgram": 3_500,
    "ntfy": 3_900,
    "ntfys": 3_900,
}
"""Bytes of UTF-8 that a message may have.

WeCom takes 2,048 bytes of text; DingTalk and Feishu 20,000 of the whole request, in which JSON may need six for one;
Slack 40,000 characters; Telegram 4,096 characters and ntfy as many bytes.
"""

_DEFAULT_BYTES: Final = 1_800
_LEVELS: Final = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "error": NotifyType.FAILURE}
_AT: Final = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
_NO_AT: Final = "\N{FULLWIDTH LESS-THAN SIGN}"


def send(address: str, message: Message) -> None:
    """Send a message to a service of Apprise's.

    Raises:
        TryAgain, Undeliverable: see `lineside.ports.Sender`.
    """
    # What these write may hold the address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    rest, endpoint = _without_endpoint(address)
    plugin = _plugin(rest)
    scheme = urlsplit(rest).scheme.lower()
    body = message.plain(MOST_BYTES.get(scheme, _DEFAULT_BYTES))
    if scheme in ("feishu", "lark"):
        body = _AT.sub(_NO_AT, body)  # a metric's name must not call people
    picture = message.picture if plugin.attachment_support and not _is_slack_webhook(plugin) else None
    with exchange(plugin, endpoint) as kept:
        arrived = plugin.notify(
            body=body,
            title="",
            notify_type=NotifyType.SUCCESS if message.phase == "end" else _LEVELS[message.level],
            body_format=NotifyFormat.TEXT,
            attach=AppriseAttachment(str(picture)) if picture is not None else None,
        )
        _check(kept, scheme, arrived=bool(arrived))
        if scheme == "wecombot" and message.picture is not None:
            _send_picture(plugin, message.picture.read_bytes())


def _without_endpoint(address: str) -> tuple[str, str | None]:
    """Take our own option out of an address. Raises `Undeliverable` if it is neither https nor on this machine."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    endpoint = next((value for name, value in query if name == ENDPOINT), None)
    if endpoint is None:
        return address, None
    target(endpoint)
    rest = urlencode([(name, value) for name, value in query if name != ENDPOINT])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, rest, "")), endpoint


def _plugin(address: str) -> Any:
    asset = AppriseAsset(
        app_id="lineside", app_desc="Lineside", app_url="", image_url_mask="", image_url_logo="", http_redirects=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some plugins import what is deprecated, and all are loaded
        plugin: Any = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if plugin is None:
        raise Undeliverable("Apprise does not understand the address: a part of it is missing or malformed")
    if urlsplit(address).scheme.lower() == "dingtalk" and plugin.secret:
        plugin.get_signature = lambda: _dingtalk_signature(plugin.secret)
    return plugin


def _dingtalk_signature(secret: str) -> tuple[str, str]:
    """Return timestamp in milliseconds and signature, as DingTalk's page on custom robots has it.

    Apprise escapes the signature for an address, and `requests` escapes it once more, so that DingTalk refuses it
    whenever it holds ``+``, ``/`` or ``=``, which is always.
    """
    timestamp = str(round(time.time() * 1000))
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return timestamp, base64.b64encode(digest).decode()


def _is_slack_webhook(plugin: Any) -> bool:
    """Tell whether it is an incoming webhook of Slack's, which takes no files."""
    return type(plugin).__name__ == "NotifySlack" and getattr(plugin, "access_token", None) is None


def _check(kept: Exchange, scheme: str, *, arrived: bool) -> None:
    if kept.status is not None:
        judge(kept.status, kept.headers or {}, kept.body, scheme)
    if not arrived:
        raise TryAgain(kept.failure or "the service did not take it")


def _send_picture(plugin: Any, picture: bytes) -> None:
    """Send WeCom's second message, the picture. The alert has arrived: a picture that does not is no reason to repeat.

    WeCom takes PNG and JPEG of up to 2 MiB.
    """
    if len(picture) > 2 << 20:
        return
    digest = hashlib.md5(picture, usedforsecurity=False).hexdigest()
    document = {"msgtype": "image", "image": {"base64": base64.b64encode(picture).decode(), "md5": digest}}
    module: Any = sys.modules[type(plugin).__module__]
    try:
        module.requests.post(plugin.api_url, json=document)
    except module.requests.RequestException:
        logging.getLogger("lineside").warning("An alert has reached WeCom, and its picture has not.")

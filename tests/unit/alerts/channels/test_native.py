from __future__ import annotations

import pytest

from lineside.alerts.channels.native import translated


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a-91f6", "wecombot://693a-91f6"),
        ("https://oapi.dingtalk.com/robot/send?access_token=abc", "dingtalk://abc/"),
        ("https://oapi.dingtalk.com/robot/send?access_token=abc&secret=SEC9", "dingtalk://SEC9@abc/"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/a-b-c", "feishu://a-b-c"),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/a-b-c", "lark://a-b-c"),
        ("https://hooks.slack.com/services/T1/B2/x3", "slack://T1/B2/x3"),
        ("https://example.com/services/T1/B2/x3", None),
        ("http://hooks.slack.com/services/T1/B2/x3", None),
        ("wecombot://693a", None),
    ],
)
def test_what_services_print_is_understood_as_it_is(address: str, ours: str | None) -> None:
    assert translated(address) == ours

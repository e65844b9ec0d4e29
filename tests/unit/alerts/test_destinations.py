from __future__ import annotations

from typing import Any

import pytest

from lineside.alerts import destinations
from lineside.alerts.destinations import checked, explain_missing
from lineside.errors import MissingDependency, OptionError
from lineside.ports import Route
from lineside.secret import Secret

CANARY = "CANARY-7f3a9c"


@pytest.mark.parametrize(
    "address",
    [
        "wecombot://${WECOM_KEY}",
        "dingtalk://${SECRET}@${TOKEN}/",
        "$LINESIDE_ALERTS",
        "${LINESIDE_ALERTS}",
        "file:/run/secrets/alerts",
        "https://hooks.example.com/${file:/run/secrets/hook}",
        "private+https://10.0.0.5/hook",
        "mailtos://me:${PASSWORD}@smtp.example.com?to=ada@example.com",
        "pover://${USER}@${TOKEN}",
        Secret("slack://a/b/c"),
    ],
)
def test_addresses(address: str | Secret) -> None:
    pytest.importorskip("apprise")
    assert checked(address, "to") == (address,)
    assert checked([address], "to") == (address,)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"wecomboot://{CANARY}", "wecomboot:// is unknown. Did you mean 'wecombot'?"),
        (f"jsons://host/{CANARY}", "write a webhook as https://"),
        (CANARY, "is no address"),
        ("wecombot://${KEY", "${VARIABLE} or ${file:/path}"),
        ("wecombot://${KEY:-none}", "${VARIABLE} or ${file:/path}"),
        (5, "not 5"),
        (None, "not None"),
    ],
)
def test_what_is_none_is_refused_without_showing_it(address: Any, message: str) -> None:
    pytest.importorskip("apprise")
    for given in (address, Secret(address)) if isinstance(address, str) else ([address],):
        with pytest.raises(OptionError) as refused:
            checked(given, "alert: to")
        assert str(refused.value).startswith("alert: to")
        assert message in str(refused.value)
        assert CANARY not in str(refused.value)


def test_which_of_several_is_wrong() -> None:
    with pytest.raises(OptionError, match=r"to\[1\]"):
        checked(["$ALERTS", "nothing"], "to")


def test_a_missing_library_is_named_for_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match=r"lineside\[alerts\]"):
        checked("wecombot://${KEY}", "to")
    assert checked(["https://example.com/x", "mailtos://smtp.example.com", "$ALERTS"], "to")
    with pytest.raises(OptionError, match="Did you mean 'wecombot'"):
        checked("wecomboot://${KEY}", "to")


def test_what_an_address_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "x")
    monkeypatch.delenv("NOT_HERE", raising=False)
    routes = [Route("wecombot://${HERE}"), Route("wecombot://${NOT_HERE}"), Route(Secret(f"slack://{CANARY}"))]
    (missing,) = explain_missing(routes)
    assert "wecombot://${NOT_HERE}: the environment variable NOT_HERE is not set" in missing

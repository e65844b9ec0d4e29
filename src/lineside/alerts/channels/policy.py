"""Where a webhook may go: which machines, by which protocol, and to the very address that was checked."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from lineside.ports import TryAgain, Undeliverable

PRIVATE: Final = "private+"
"""Begins the scheme of an address that may lie in a private network: ``private+https://…``."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[..., Sequence[tuple[Any, ...]]]


def target(address: str) -> tuple[SplitResult, bool]:
    """Return the parts of a webhook's address, and whether it may be private.

    Raises:
        Undeliverable: it is neither https nor on this machine itself, or no address at all.
    """
    private = address.startswith(PRIVATE)
    try:
        parts = urlsplit(address.removeprefix(PRIVATE))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Undeliverable("the address cannot be read") from None
    if not host:
        raise Undeliverable("the address names no host")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise Undeliverable("it is not sent without encryption: the address must begin with https://")
    return parts, private


def is_loopback(host: str) -> bool:
    """Tell whether a host, as it is written, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_addresses(host: str, port: int, *, private: bool, lookup: Lookup = socket.getaddrinfo) -> list[str]:
    """Resolve a host once, and return its addresses if each of them may be sent to.

    Args:
        host: as it is written.
        port: where to.
        private: whether private and link-local addresses are allowed.
        lookup: as `socket.getaddrinfo`.

    Raises:
        TryAgain: the name cannot be resolved now.
        Undeliverable: one of its addresses is private, link-local, or of no machine.
    """
    try:
        found = lookup(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TryAgain("the receiver's name cannot be resolved") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    own = is_loopback(host)
    for address in addresses:
        real = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if own and real.is_loopback:
            continue
        if real.is_multicast or real.is_unspecified or (real.is_reserved and not real.is_loopback):
            raise Undeliverable("the receiver's name stands for an address of no machine")
        if not real.is_global and not private:
            raise Undeliverable(
                "the receiver's name stands for a private address, which only private+https:// may be sent to"
            )
    return addresses


def _unwrapped(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class PinnedHttp(HTTPConnection):
    """Connects to an address that was checked, whatever its name stands for by now."""

    def __init__(self, host: str, port: int, address: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class PinnedHttps(HTTPSConnection):
    """The same with TLS; the certificate is checked for the name."""

    def __init__(self, host: str, port: int, address: str, timeout: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=timeout, context=self._tls)
        self._address = address

    def connect(self) -> None:
        """Open the socket and agree on TLS."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

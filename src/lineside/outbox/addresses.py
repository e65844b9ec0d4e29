"""Which destinations may be sent to, and what their references stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from lineside.destination import Resolved, resolve
from lineside.errors import DestinationUnresolved
from lineside.outbox.seal import Seal
from lineside.ports import Route
from lineside.secret import Secret


class Addresses:
    """Resolves the destinations of deliveries.

    A destination is used if this process was given it, or if this user has sealed it; see `lineside.outbox.seal`.

    Args:
        given: addresses by reference; None where the reference itself is all that is known.
        seal: of the user.
        trusting: use all destinations.
    """

    def __init__(self, given: Mapping[str, str | None], seal: Seal, *, trusting: bool = False) -> None:
        self._given = given
        self._seal = seal
        self._trusting = trusting

    @classmethod
    def of_user(cls, given: Mapping[str, str | None], *, trusting: bool = False) -> Self:
        """Return addresses with the seal of this user."""
        return cls(given, Seal.of_user(make=False), trusting=trusting)

    def resolve(self, destination: str, seal: str | None) -> Resolved:
        """Return what a reference stands for here, now.

        Raises:
            DestinationUnresolved: a secret is missing, or nobody whom this process trusts has named this destination.
        """
        if destination in self._given:
            return resolve(self._given[destination] or destination)
        if self._trusting or self._seal.fits(destination, seal):
            return resolve(destination)
        raise DestinationUnresolved(
            destination, "it was recorded by another user or on another machine; `lineside deliver --trust` sends it"
        )


def given_by(routes: Iterable[Route]) -> dict[str, str | None]:
    """Return the addresses of routes by reference, as `Addresses` takes them."""
    return {
        route.reference: route.destination.reveal() if isinstance(route.destination, Secret) else None
        for route in routes
    }

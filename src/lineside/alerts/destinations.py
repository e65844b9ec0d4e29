"""Addresses that people give for alerts: checked as far as they can be seen, without showing a secret."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from lineside.destination import Address, is_misspelt, resolve, scheme
from lineside.errors import DestinationUnresolved, MissingDependency, OptionError, nearest
from lineside.ports import Route
from lineside.secret import Secret

OWN: Final = ("https", "http", "private+https", "mailto", "mailtos")
"""Schemes that Lineside carries by itself."""

KNOWN: Final = (
    *OWN,
    *("wecombot", "dingtalk", "feishu", "lark", "slack", "workflows", "tgram", "ntfy", "ntfys", "discord", "mmosts"),
)
"""Schemes that are suggested for a misspelt one; all others of Apprise are taken as well."""

REFUSED: Final = ("json", "jsons", "xml", "xmls", "form", "forms")
"""Webhooks of Apprise, which go wherever they are told to."""


def checked(given: Address | Secret | Sequence[Address | Secret], option: str) -> tuple[str | Secret, ...]:
    """Return addresses as a tuple.

    Args:
        given: one address, or several.
        option: for messages.

    Raises:
        OptionError: one of them is no address, or its scheme is unknown; the message shows no address.
        MissingDependency: Apprise is needed and not installed.
    """
    addresses = (given,) if isinstance(given, (str, Secret)) else tuple(given)
    for number, address in enumerate(addresses):
        place = option if len(addresses) == 1 else f"{option}[{number}]"
        if not isinstance(address, (str, Secret)):
            raise OptionError(f"{place} must be an address such as 'wecombot://${{WECOM_KEY}}', not {address!r}.")
        _check(address.reveal() if isinstance(address, Secret) else address, place)
    return addresses


def _check(address: str, place: str) -> None:
    if is_misspelt(address):
        raise OptionError(f"{place}: a secret is named as ${{VARIABLE}} or ${{file:/path}}, and ended by '}}'.")
    if "://" not in address and not address.startswith(("$", "file:/", "mailto:")):
        raise OptionError(
            f"{place} is no address. Write one such as 'wecombot://${{WECOM_KEY}}', or the name of a variable that "
            "holds one, '$LINESIDE_ALERTS'."
        )
    if (named := scheme(address)) is not None:
        check_scheme(named, place)


def check_scheme(named: str, place: str) -> None:
    """Refuse a scheme that nothing here carries. Raises what `checked` raises."""
    if named in OWN:
        return
    if named in REFUSED:
        raise OptionError(f"{place}: write a webhook as https://…, which is checked, instead of {named}://…")
    if find_spec("apprise") is None:
        if named in KNOWN:
            raise MissingDependency(f"{place}: {named}://", "apprise", "alerts")
        raise OptionError(f"{place}: {named}:// is unknown.{nearest(named, KNOWN)} Known are: {', '.join(KNOWN)}.")
    if named not in KNOWN and not _apprise_knows(named):
        raise OptionError(
            f"{place}: {named}:// is unknown.{nearest(named, KNOWN)} Known are {', '.join(KNOWN)}, and what Apprise "
            "lists at https://appriseit.com/services/."
        )


def _apprise_knows(named: str) -> bool:
    from apprise import Apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of its plugins import what is deprecated
        return _is_among(Apprise().details(), named)


def _is_among(details: Mapping[str, Any], named: str) -> bool:
    there = [entry[which] or () for entry in details["schemas"] for which in ("protocols", "secure_protocols")]
    return any(named in protocols for protocols in there)


def explain_missing(routes: Sequence[Route]) -> Iterator[str]:
    """Yield, for each route that cannot be used yet, which variable or file it lacks."""
    for route in routes:
        if isinstance(route.destination, str):
            try:
                resolve(route.destination)
            except DestinationUnresolved as missing:
                yield str(missing)

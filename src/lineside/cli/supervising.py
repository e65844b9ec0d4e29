"""What `lineside run` and `lineside watch` share: their options, and how this process becomes the one that watches."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import typer

from lineside.destination import holds_secret, resolve
from lineside.errors import OptionError
from lineside.language import text
from lineside.supervisor.settings import Settings
from lineside.units import Duration

STALLED_AFTER: Final = "10 min"
SILENT_AFTER: Final = "1 min"
DISK_BELOW: Final = 1.0
_GB: Final = 10**9


def restarts_option() -> Any:
    """Return the option ``--restarts``."""
    return typer.Option("--restarts", min=0, metavar="N", help=text("How often to start it again.", "最多重启次数。"))


def alert_option() -> Any:
    """Return the option ``--alert``."""
    return typer.Option(
        "--alert",
        metavar="ADDRESS",
        help=text(
            "Where alerts go, besides where the run sends its own; '$NAME' for a variable with the address.",
            "另外的告警地址；'$NAME' 指变量。",
        ),
    )


def stalled_option() -> Any:
    """Return the option ``--stalled-after``."""
    return typer.Option(
        "--stalled-after",
        metavar="DURATION",
        help=text("Without a movement of the training it stalls.", "多久无进展算停滞。"),
    )


def silent_option() -> Any:
    """Return the option ``--silent-after``."""
    return typer.Option(
        "--silent-after",
        metavar="DURATION",
        help=text("Without a heartbeat of its process it stalls.", "多久无心跳算停滞。"),
    )


def disk_option() -> Any:
    """Return the option ``--disk-below``."""
    return typer.Option(
        "--disk-below", min=0.0, metavar="GB", help=text("With less room the disk is full.", "剩余空间下限。")
    )


def seconds(option: str, given: str) -> float:
    """Return a time that was typed.

    Raises:
        OptionError: it is no duration, or one that is not measured in seconds.
    """
    duration = Duration.parse(given, option)
    if duration.unit != "seconds":
        raise OptionError(f"{option} {given!r} must be a time, such as '90 s' or '10 min'.")
    return duration.amount


def become_supervisor(settings: Settings, word: str) -> NoReturn:
    """Let the small process take the place of this one, which has loaded what parses and prints.

    The process number stays, and with it the terminal, the signals and whoever waits for this command.

    Raises:
        OptionError: the system has no such thing.
    """
    if os.name != "posix":
        raise OptionError(f"lineside {word} needs Linux or macOS: it stands on process groups and signals.")
    settings.into(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    # What follows the module is for those who list processes.
    arguments = [sys.executable, "-m", "lineside.supervisor", word, *([settings.run] if settings.run else [])]
    os.execv(sys.executable, [*arguments, *(["--", *settings.command] if settings.command else [])])  # noqa: S606


def addresses(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the addresses for alerts, when it is known that they can be used.

    Raises:
        OptionError: one has a secret written out.
        DestinationUnresolved: a variable or a file that one names is missing.
    """
    for address in given or ():
        if holds_secret(address):
            raise OptionError(
                "--alert must name its secret instead of holding it, since arguments can be seen by everybody on this "
                "machine: put the address into a variable, such as --alert '$LINESIDE_ALERTS'."
            )
        resolve(address)
    return tuple(given or ())


def limits(stalled_after: str, silent_after: str, disk_below: float) -> dict[str, Any]:
    """Return the limits as `Settings` take them. Raises `OptionError` for what is no time."""
    return {
        "stalled_after": seconds("--stalled-after", stalled_after),
        "silent_after": seconds("--silent-after", silent_after),
        "disk_below": int(disk_below * _GB),
    }

"""Which versions of a framework a bridge is made for."""

from __future__ import annotations

from importlib import import_module

from lineside.errors import MissingDependency, OptionError


def check_version(module: str, least: str, *alternatives: str, extra: str) -> None:
    """Refuse a framework that is not installed, or is too old.

    Args:
        module: what is imported.
        least: the oldest version that the bridge knows.
        alternatives: other distributions of the same framework.
        extra: of Lineside's, that installs it.

    Raises:
        MissingDependency: it is not installed.
        OptionError: it is too old.
    """
    for name in (module, *alternatives):
        try:
            found = import_module(name).__version__
        except ImportError:
            continue
        if _numbers(found) < _numbers(least):
            raise OptionError(
                f"{name} {found} is too old for this bridge, which knows {least} and later: "
                f"pip install --upgrade '{name}>={least}'."
            )
        return
    raise MissingDependency(f"The bridge to {module}", module, extra)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("+")[0].split(".")
    return tuple(int(digits) for part in parts if (digits := "".join(c for c in part if c.isdigit())))

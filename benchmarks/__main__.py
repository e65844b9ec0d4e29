"""Run every benchmark, or those named: ``python -m benchmarks steps logging``."""

from __future__ import annotations

import sys
from importlib import import_module

ALL = ("steps", "hooks", "logging", "bridges", "endurance", "store", "terminal", "outbox")


def main() -> None:
    """Print the tables one after another."""
    for name in sys.argv[1:] or ALL:
        if name not in ALL:
            sys.exit(f"There is no benchmark {name!r}; there are {', '.join(ALL)}.")
        print(f"== {name} ==")
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()

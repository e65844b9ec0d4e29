"""`python -m lineside` is the `lineside` command."""

from __future__ import annotations

from lineside.cli import main

if __name__ == "__main__":
    main()

"""What the files of an outbox are called in a run's directory, for those who only look whether they are there."""

from __future__ import annotations

from typing import Final

DATABASE: Final = "outbox.db"
"""The deliveries."""
ROUTES: Final = "routes.json"
"""Where the run's alerts go."""
LEASE: Final = ".outbox.lock"
"""Whoever holds its lock sends, and nobody else."""

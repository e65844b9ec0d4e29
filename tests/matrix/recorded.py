"""The suite of the catalogue, whose outcomes are written down for `docs/guide/hosts.md`: one column for each host.

`make matrix` tries everything and writes the columns anew; other runs try what stands for the rest, and compare what a
host declares with its column.
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lineside.events import Event
from lineside.run.attach import lacking
from lineside.testing import CatalogueContract
from lineside.testing.catalogue import Outcome

COLUMNS = Path(__file__).parents[2] / "docs" / "guide" / "hosts"
WRITES = bool(os.environ.get("LINESIDE_MATRIX"))


class Recorded(CatalogueContract):
    """Name the column, and the distributions whose versions stand above it."""

    every = WRITES
    column: str
    distributions: tuple[str, ...]
    outcomes: ClassVar[dict[str, dict[str, list[str]]]]

    def seen(self, outcome: Outcome) -> None:
        self.outcomes.setdefault(outcome.title, {})[outcome.way] = list(outcome.lacking)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _written_down(cls):
        cls.outcomes = {}
        yield
        if WRITES:
            path = COLUMNS / f"{cls.column}.json"
            written = {
                "versions": {name: version(name) for name in cls.distributions},
                **plain(cls._declared[cls]),
                "callbacks": {proof.title(): cls.outcomes.get(proof.title(), {}) for proof in cls.proofs},
            }
            path.write_text(json.dumps(written, indent=1) + "\n", "utf-8")

    def test_its_column_is_up_to_date(self, tmp_path):
        declared = self.declared(tmp_path)
        if WRITES:
            return
        column = json.loads((COLUMNS / f"{self.column}.json").read_text("utf-8"))
        stale = f" docs/guide/hosts/{self.column}.json says otherwise than the host: run `make matrix`."
        assert plain(declared) == {name: column[name] for name in plain(declared)}, stale
        for proof in self.proofs:
            with closing(proof(self, tmp_path)) as tried:
                missing = lacking(tried.make(), declared)
            assert column["callbacks"].get(proof.title()) == {"fits": missing, "resume": missing}, proof.title() + stale


def plain(declared: Any) -> dict[str, Any]:
    """Return what a host declares, as JSON has it."""
    return {
        "events": [event.hook for event in Event if event in declared.events],
        "abilities": sorted(declared.abilities),
        "reasons": dict(sorted(declared.reasons.items())),
    }

"""The catalogue of callbacks, each with what it has to show in every host."""

from __future__ import annotations

from lineside.testing.catalogue.entries import PROOFS, untried
from lineside.testing.catalogue.proof import Proof, TriedHost
from lineside.testing.catalogue.suite import CatalogueContract, Outcome

__all__ = ["PROOFS", "CatalogueContract", "Outcome", "Proof", "TriedHost", "untried"]

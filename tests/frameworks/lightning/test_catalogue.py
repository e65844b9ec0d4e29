"""Every callback of the catalogue in Lightning."""

from __future__ import annotations

import pytest

from tests.frameworks.lightning import test_contract as contract
from tests.matrix.recorded import Recorded


# Lightning stands on deprecated parts of torch, and advises about workers.
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore:.*:UserWarning:lightning")
class TestLightning(Recorded):
    column = "lightning"
    distributions = ("lightning", "torch")

    def fit(self, callbacks, **options):
        contract.TestLightning().fit(callbacks, **options)

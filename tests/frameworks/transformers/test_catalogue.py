"""Every callback of the catalogue in Hugging Face's trainer."""

from __future__ import annotations

from tests.frameworks.transformers import test_contract as contract
from tests.matrix.recorded import Recorded


class TestTransformers(Recorded):
    column = "transformers"
    distributions = ("transformers", "torch")

    def fit(self, callbacks, **options):
        contract.TestTransformers().fit(callbacks, **options)

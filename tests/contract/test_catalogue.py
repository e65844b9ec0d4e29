"""Every callback of the catalogue in the hosts that stand on PyTorch directly."""

from __future__ import annotations

from tests.contract import test_hosts as hosts
from tests.matrix.recorded import Recorded


class TestTrainer(Recorded):
    column = "trainer"
    distributions = ("torch",)

    def fit(self, callbacks, **options):
        hosts.TestTrainer().fit(callbacks, **options)


class TestLoop(Recorded):
    column = "loop"
    distributions = ("torch",)

    def fit(self, callbacks, **options):
        hosts.TestLoop().fit(callbacks, **options)

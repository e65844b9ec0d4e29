"""Callbacks of others in Ultralytics, the two of the guide among them."""

from __future__ import annotations

import pytest

from tests.frameworks.adopted.suite import AdoptedSuite


class TestUltralytics(AdoptedSuite):
    host = "ultralytics"

    @pytest.fixture(autouse=True)
    def _tools(self, fit):
        self._train = fit

    def fit(self, callbacks, *, epochs, **options):
        self._train(callbacks, epochs=epochs, **options)

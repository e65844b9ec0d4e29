"""Callbacks of others in Keras, on the backend that KERAS_BACKEND names; the two of the guide among them."""

from __future__ import annotations

import pytest

pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

from tests.frameworks.adopted.suite import AdoptedSuite
from tests.frameworks.keras.test_contract import TestKeras as Suite


class TestAdopted(AdoptedSuite):
    host = "keras"

    def fit(self, callbacks, *, epochs, **options):
        Suite().fit(callbacks, epochs=epochs, **options)

"""Keras runs the suite that every host runs, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

from typing import get_args

import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

from lineside.bridges.keras import keras as bridge
from lineside.bridges.keras.host import CAPABILITIES
from lineside.events import Event
from lineside.ports import Capability
from lineside.testing import HostContract, toy
from tests.frameworks.keras.line import arrays, fit, line

EXPORTS = frozenset({Event.EXPORT_START, Event.EXPORT_END})


class TestKeras(HostContract):
    calls_in_a_batch = 4
    lacking = EXPORTS if keras.backend.backend() == "torch" else EXPORTS | {Event.BACKWARD_END}

    def fit(self, callbacks, *, epochs, **options):
        fit(line(), [bridge(callbacks, **options)], epochs=epochs)

    def predict(self, callbacks, **options):
        inputs, _ = arrays(toy.validation_points())
        line().predict(inputs, batch_size=toy.BATCH_SIZE, callbacks=[bridge(callbacks, **options)], verbose=0)


def test_everything_that_is_missing_has_its_reason():
    missing = set(get_args(Capability)) - CAPABILITIES.abilities
    missing |= {event.hook for event in set(Event) - CAPABILITIES.events}
    assert set(CAPABILITIES.reasons) == missing
    assert all(CAPABILITIES.reasons.values())

"""Every built-in callback runs, with its defaults, the suite that callbacks of other packages run.

What needs options of its own, or looks into files, stands as ``TestContract`` in the callback's own tests.
"""

from __future__ import annotations

import pytest

from lineside import registry
from lineside.testing import CallbackContract

PRESETS = {"iron-triangle"}
APART = {"freeze-unfreeze", "learning-rate-scheduler"}  # they need a model of several layers, and a schedule
INLINE_ONLY = {
    "model-checkpoint",
    "profile-steps",
    "ema",
    "swa",
    "loss-spike-guard",
    "batch-size-finder",
    "prediction-samples",
    "confusion-matrix",
    "learning-rate-scheduler",
    "warm-up",
    "lr-finder",
}
ALONE = {"batch-size-finder", "ema", "lr-finder", "profile-steps", "swa"}
OPTIONS = {
    "alert": {"when": "val/loss > 0.45", "plot": False},
    "email-alert": {"to": "ada@example.com"},
    "lambda": {"on_epoch_end": lambda run: run.alert(f"Epoch {run.epoch + 1}")},
}


@pytest.mark.parametrize("check", [name for name in dir(CallbackContract) if name.startswith("test_")])
@pytest.mark.parametrize("name", [name for name in registry.names() if name not in PRESETS | APART])
def test_a_built_in_callback(name: str, check: str) -> None:
    class Suite(CallbackContract):
        inline_only = name in INLINE_ONLY
        alone = name in ALONE

        def make(self, **options):
            return registry.find(name)(**OPTIONS.get(name, {}), **options)

        def effects(self, run):
            # What TensorBoard writes bears the time of day and the attempt; its own tests read the files. A trace that
            # was not finished goes with its process.
            unlike = ("reports.event_files:", '"profile-steps')
            return [effect for effect in super().effects(run) if not any(one in effect for one in unlike)]

    getattr(Suite(), check)()

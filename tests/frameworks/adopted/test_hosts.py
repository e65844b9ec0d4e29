"""Adopted callbacks in every host that runs in one environment; Keras and Ultralytics stand beside their own tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
for needed in ("keras", "lightning", "torch", "transformers"):
    pytest.importorskip(needed, reason=f"adopted callbacks are tried in {needed}, which is not installed")

import keras

from lineside.adopted import adopt
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.testing import HostContract, toy
from tests.contract import test_hosts as native
from tests.frameworks.adopted.suite import EXAMPLES, AdoptedSuite
from tests.frameworks.keras import test_contract as on_keras
from tests.frameworks.lightning import test_contract as on_lightning
from tests.frameworks.transformers import test_contract as on_transformers

# The frameworks, and what they depend on, stand on deprecated parts of each other; Lightning advises about workers.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:keras"),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
]
HOSTS = {
    "trainer": native.TestTrainer,
    "loop": native.TestLoop,
    "lightning": on_lightning.TestLightning,
    "transformers": on_transformers.TestTransformers,
    "keras": on_keras.TestKeras,
}


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "keras"])
class TestAdopted(AdoptedSuite):
    @pytest.fixture(autouse=True)
    def _suite(self, host: str) -> None:
        self.host, self._host = host, HOSTS[host]()

    def fit(self, callbacks: Any, **options: Any) -> None:
        self._host.fit(callbacks, **options)


class RealMonitor(EXAMPLES["LossMonitor"], keras.callbacks.Callback):
    """The monitor of the guide, as people write it who have Keras."""


@pytest.mark.parametrize("host", HOSTS)
def test_a_class_that_derives_from_keras(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite: HostContract = HOSTS[host]()
    suite.fit([adopt(RealMonitor(), on_error="raise")], epochs=2, run_dir=tmp_path)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch ")]
    values = toy.expected_values()[:2]
    assert said == [
        f"Epoch {number}: loss {one['train/loss']:.4f}, val_loss {one['val/loss']:.4f}"
        for number, one in enumerate(values, start=1)
    ]


@pytest.mark.parametrize("host", HOSTS)
def test_a_stop_of_keras_ends_every_host(host: str, tmp_path: Path) -> None:
    """Keras' own class; no validation is ever better than the one before by 100, so that it stops in epoch 2."""
    stopper = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=100, patience=1)
    epochs: list[int] = []
    counter = LambdaCallback(on_epoch_end=lambda run: epochs.append(run.epoch))
    suite: HostContract = HOSTS[host]()
    suite.fit([adopt(stopper, on_error="raise"), counter], epochs=3, run_dir=tmp_path)
    assert epochs == [0, 1]

"""The two callbacks of the guide run in every host, unchanged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

os.environ.setdefault("KERAS_BACKEND", "torch")
for needed in ("keras", "lightning", "torch", "transformers"):
    pytest.importorskip(needed, reason=f"adopted callbacks are tried in {needed}, which is not installed")

import keras

from lineside.adopted import adopt
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.testing import HostContract, toy
from tests.contract import test_hosts as native
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
GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "adopt.md"


def of_the_guide() -> dict[str, Any]:
    """Return what the first block of the guide defines."""
    tokens = MarkdownIt("commonmark").parse(GUIDE.read_text("utf-8"))
    found: dict[str, Any] = {}
    exec(next(token.content for token in tokens if token.type == "fence" and token.info == "python"), found)
    return found


EXAMPLES = of_the_guide()


class RealMonitor(EXAMPLES["LossMonitor"], keras.callbacks.Callback):
    """The same monitor, as people write it who have Keras."""


def accuracies() -> LambdaCallback:
    """Return what gives the toy, which only has losses, accuracies as well."""
    return LambdaCallback(
        on_train_epoch_end=lambda run: run.log({"accuracy": 0.25}),
        on_val_end=lambda run: run.log({"val_accuracy": 0.5}),
    )


@pytest.mark.parametrize("monitor", [EXAMPLES["LossMonitor"], RealMonitor])
@pytest.mark.parametrize("host", HOSTS)
def test_the_monitor_of_keras(host: str, monitor: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite: HostContract = HOSTS[host]()
    suite.fit([accuracies(), adopt(monitor(), on_error="raise")], epochs=2, run_dir=tmp_path)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch ")]
    values = toy.expected_values()[:2]
    assert said == [
        f"Epoch {number}: loss {one['train/loss']:.4f}, accuracy 0.2500, "
        f"val_loss {one['val/loss']:.4f}, val_accuracy 0.5000"
        for number, one in enumerate(values, start=1)
    ]


def test_it_warns_above_ten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loud = LambdaCallback(on_train_epoch_end=lambda run: run.log({"loss": 12.0}))
    monitor = adopt(EXAMPLES["LossMonitor"](), on_error="raise")
    native.TestTrainer().fit([loud, monitor], epochs=1, run_dir=tmp_path)
    assert "Warning: the loss is 12.0" in capsys.readouterr().out


@pytest.mark.parametrize("host", HOSTS)
def test_the_printer_of_ultralytics(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite: HostContract = HOSTS[host]()
    suite.fit([adopt(EXAMPLES["EpochPrinter"](), on_error="raise")], epochs=2, run_dir=tmp_path)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch ")]
    values = toy.expected_values()[:2]
    assert said == [f"Epoch {number}, val/loss {one['val/loss']:.4f}" for number, one in enumerate(values, start=1)]


@pytest.mark.parametrize("host", HOSTS)
def test_a_stop_of_keras_ends_every_host(host: str, tmp_path: Path) -> None:
    """Keras' own class; no validation is ever better than the one before by 100, so that it stops in epoch 2."""
    stopper = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=100, patience=1)
    epochs: list[int] = []
    counter = LambdaCallback(on_epoch_end=lambda run: epochs.append(run.epoch))
    suite: HostContract = HOSTS[host]()
    suite.fit([adopt(stopper, on_error="raise"), counter], epochs=3, run_dir=tmp_path)
    assert epochs == [0, 1]

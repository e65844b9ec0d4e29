"""Callbacks that Keras and Hugging Face ship, adopted in the native trainer."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
for needed in ("keras", "torch", "transformers"):
    pytest.importorskip(needed, reason=f"callbacks of {needed} are adopted here, and it is not installed")

import keras
import torch
import transformers

from lineside.adopted import adopt
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.errors import AdoptedError
from lineside.events import Event
from lineside.testing import toy
from lineside.testing.toy_callbacks import Asks, KeepsRates
from tests.contract.test_hosts import TestTrainer as Native

# Keras on torch, and its own dependencies, stand on deprecated parts of NumPy.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def epochs_of(callbacks: list, run_dir: Path, epochs: int = 6, **options) -> list[int]:
    """Train the toy and return the epochs that ended."""
    seen: list[int] = []
    counter = LambdaCallback(on_epoch_end=lambda run: seen.append(run.epoch))
    Native().fit([*callbacks, counter], epochs=epochs, run_dir=run_dir, **options)
    return seen


def stops_of_hugging_face() -> object:
    """Return early stopping to which no gain is enough: it stops behind the third evaluation."""
    return transformers.EarlyStoppingCallback(early_stopping_patience=2, early_stopping_threshold=100.0)


def test_early_stopping_of_keras(tmp_path: Path) -> None:
    stopper = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=100, patience=2)
    assert epochs_of([adopt(stopper, on_error="raise")], tmp_path) == [0, 1, 2]


def test_early_stopping_of_keras_restores_the_best_weights(tmp_path: Path) -> None:
    weights: list[torch.Tensor] = []

    def keep(run) -> None:
        weights.append(run.model.module.weight.detach().clone())

    keeps = LambdaCallback(on_val_end=keep, on_teardown=keep, name="keeps")
    stopper = keras.callbacks.EarlyStopping(min_delta=100, patience=2, restore_best_weights=True)
    assert epochs_of([adopt(stopper, on_error="raise"), keeps], tmp_path) == [0, 1, 2]
    assert torch.equal(weights[-1], weights[0])
    assert not torch.equal(weights[-1], weights[2])


def test_reduce_lr_on_plateau_of_keras(tmp_path: Path) -> None:
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=100)
    rates = KeepsRates()
    Native().fit([adopt(plateau, on_error="raise"), rates], epochs=3, run_dir=tmp_path)
    assert rates.seen[:: toy.BATCHES] == pytest.approx([0.05, 0.05, 0.025])


def test_learning_rate_scheduler_of_keras_acts_before_the_first_batch(tmp_path: Path) -> None:
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 * (epoch + 1))
    rates = KeepsRates()
    Native().fit([adopt(schedule, on_error="raise"), rates], epochs=2, run_dir=tmp_path)
    assert rates.seen == pytest.approx([0.01] * toy.BATCHES + [0.02] * toy.BATCHES)


def test_terminate_on_nan_of_keras(tmp_path: Path) -> None:
    poison = Asks(lambda run: run.log({"loss": float("nan")}), Event.BATCH_END, epoch=1)
    seen = epochs_of([poison, adopt(keras.callbacks.TerminateOnNaN(), on_error="raise")], tmp_path)
    assert seen == [0, 1]


def test_lambda_callback_of_keras(tmp_path: Path) -> None:
    seen: list[tuple[int, set[str]]] = []
    foreign = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, set(logs))))
    callback = adopt(foreign, on_error="raise")
    assert Event.BATCH_END not in callback.hooks()
    Native().fit([callback], epochs=2, run_dir=tmp_path)
    assert seen == [(0, {"loss", "val_loss"}), (1, {"loss", "val_loss"})]


def test_model_checkpoint_of_keras_reaches_beyond_and_is_told_so(tmp_path: Path) -> None:
    foreign = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), monitor="val_loss")
    with pytest.raises(AdoptedError, match=r"self\.model\.\w+, which it is not given in the host 'trainer'"):
        Native().fit([adopt(foreign, on_error="raise")], epochs=1, run_dir=tmp_path)


def test_early_stopping_of_hugging_face(tmp_path: Path) -> None:
    assert epochs_of([adopt(stops_of_hugging_face(), on_error="raise")], tmp_path) == [0, 1, 2]


def test_early_stopping_of_hugging_face_stops_a_resumed_run_where_it_stops_the_uninterrupted_one(
    tmp_path: Path,
) -> None:
    saves = Asks(lambda run: run.save("periodic"), Event.EPOCH_END, epoch=1, name="saves")

    def fail(_) -> None:
        raise RuntimeError("boom")

    with suppress(RuntimeError):
        cut = [adopt(stops_of_hugging_face()), saves, Asks(fail, Event.BATCH_END, epoch=2, on_error="raise")]
        epochs_of(cut, tmp_path)
    again = stops_of_hugging_face()
    assert epochs_of([adopt(again, on_error="raise")], tmp_path, resume="auto") == [2]
    assert again.early_stopping_patience_counter == 2


def test_printer_of_hugging_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Native().fit([adopt(transformers.PrinterCallback(), on_error="raise")], epochs=1, run_dir=tmp_path)
    said = capsys.readouterr().out
    assert "'loss': " in said
    assert "'eval_loss': " in said

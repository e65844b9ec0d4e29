"""Two replicas in one process train as one, and callbacks see one training."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")
if keras.backend.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's: set KERAS_BACKEND=tensorflow", allow_module_level=True)

import tensorflow as tf

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.testing import toy
from lineside.testing.lifecycle import points, training
from lineside.testing.trace import TraceRecorder
from tests.frameworks.keras.line import fit, line
from tests.frameworks.keras.test_contract import TestKeras as Contract
from tests.frameworks.keras.test_gradients import Sees, plain, same


class Fails(lineside.Callback):
    def on_batch_end(self, run):
        if run.step == 2 * toy.BATCHES + 2:
            raise RuntimeError("the power went")


def mirrored():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
    with strategy.scope():
        return line()


def test_two_replicas(tmp_path):
    recorder, model, alone = TraceRecorder(), mirrored(), line()
    checkpoint = ModelCheckpoint(tmp_path / "m{epoch}.keras", final_format="saved_model")
    fit(model, [bridge([recorder, checkpoint], run_dir=tmp_path)])
    fit(alone, [])
    assert points(recorder.trace) == list(training(toy.EPOCHS, Contract.lacking))
    for one, other in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    served, given = tf.saved_model.load(checkpoint.exported), tf.constant([[0.5]])
    np.testing.assert_allclose(served.serve(given), model(given), rtol=1e-6)
    for one, other in zip(
        keras.models.load_model(tmp_path / "m3.keras").get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_gradients_of_two_replicas_are_those_of_both(tmp_path):
    sees = Sees()
    fit(mirrored(), [bridge([sees], run_dir=tmp_path, gradients=True)], epochs=1)
    same(sees, plain(1))


def test_two_replicas_resume(tmp_path):
    whole, rest = line(), mirrored()
    fit(whole, [])
    with contextlib.suppress(RuntimeError):
        fit(mirrored(), [bridge([ModelCheckpoint(), Fails(on_error="raise")], run_dir=tmp_path)])
    fit(rest, [bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")])
    for one, other in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)

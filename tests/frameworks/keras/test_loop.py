"""A loop of one's own with GradientTape runs the suite that every host runs."""

from __future__ import annotations

import contextlib
from typing import get_args

import pytest

keras = pytest.importorskip("keras", reason="a loop over a Keras model needs keras")
if keras.backend.backend() != "tensorflow":
    pytest.skip("GradientTape is TensorFlow's: set KERAS_BACKEND=tensorflow", allow_module_level=True)

import tensorflow as tf

import lineside
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import Capability
from lineside.testing import HostContract, toy
from tests.frameworks.keras.line import arrays


def data(points):
    return tf.data.Dataset.from_tensor_slices(arrays(points)).batch(toy.BATCH_SIZE)


def line():
    layers = [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", name="layer")]
    return keras.Sequential(layers, name="line")


def squared_error(model, inputs, targets):
    return tf.reduce_mean(tf.square(model(inputs) - targets))


def train(callbacks, *, epochs, model=None, optimizer=None, **options):
    model = model or line()
    optimizer = optimizer or keras.optimizers.SGD(toy.LEARNING_RATE)

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = squared_error(model, inputs, targets)
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    optimizer.build(model.trainable_variables)
    training, validation = data(toy.training_points()), data(toy.validation_points())

    def validate():
        with run.validation():
            for inputs, targets in run.batches(validation):
                run.outputs = model(inputs)
                run.log({"loss": tf.reduce_mean(tf.square(run.outputs - targets))})

    options.setdefault("validate", validate)
    with lineside.Run(model=model, optimizer=optimizer, callbacks=callbacks, **options) as run:
        for _ in run.epochs(epochs):
            for inputs, targets in run.batches(training):
                run.log({"loss": step(inputs, targets)})
                run.stepped()
            validate()
    return model


class TestLoop(HostContract):
    lacking = frozenset({Event.BACKWARD_END, Event.EXPORT_START, Event.EXPORT_END})

    def fit(self, callbacks, *, epochs, **options):
        train(callbacks, epochs=epochs, **options)

    def predict(self, callbacks, **options):
        model = line()
        with lineside.Run(model=model, callbacks=callbacks, **options) as run, run.evaluation("predict"):
            for inputs, _ in run.batches(data(toy.validation_points())):
                run.outputs = model(inputs)


class Sees(lineside.Callback):
    needs = frozenset({"batch_data", "validate", "model"})

    def on_setup(self, run):
        self.sizes, self.validations = [], 0

    def on_batch_end(self, run):
        inputs, _ = run.batch_data
        self.sizes.append(int(inputs.shape[0]))
        if run.step == 2:
            run.validate("now")

    def on_val_end(self, run):
        self.validations += 1
        self.samples = run.samples


def test_callbacks_see_batches_and_ask_for_validations(tmp_path):
    sees = Sees()
    train([sees], epochs=1, run_dir=tmp_path)
    assert sees.sizes == [toy.BATCH_SIZE] * toy.BATCHES
    assert (sees.validations, sees.samples) == (2, toy.BATCHES * toy.BATCH_SIZE)


class Dies(lineside.Callback):
    on_error = "raise"

    def on_batch_end(self, run):
        if run.step == toy.BATCHES + 2:
            run.save("mid")
        if run.step == toy.BATCHES + 3:
            raise RuntimeError("the power went")


def test_a_resumed_loop_enters_the_epoch_in_its_middle_and_ends_with_the_same_bits(tmp_path):
    def adam():
        return keras.optimizers.Adam(0.1)

    whole = train([], epochs=3, run_dir=tmp_path / "whole", optimizer=adam())
    with contextlib.suppress(RuntimeError):
        train([Dies(on_error="raise")], epochs=3, run_dir=tmp_path / "cut", optimizer=adam())
    rest = train([], epochs=3, run_dir=tmp_path / "cut", optimizer=adam(), resume="auto")
    for one, other in zip(whole.get_weights(), rest.get_weights(), strict=True):
        assert (one == other).all()


def test_the_final_format(tmp_path):
    last = ModelCheckpoint(monitor=None, final_format="saved_model")
    model = train([last], epochs=1, run_dir=tmp_path)
    served, given = tf.saved_model.load(last.exported), tf.constant([[0.5]])
    assert served.serve(given).numpy() == pytest.approx(model(given).numpy())


def test_everything_that_is_missing_has_its_reason():
    for validate in (None, lambda: None):
        had = lineside.Run(model=line(), validate=validate).host_port.capabilities
        missing = set(get_args(Capability)) - had.abilities | {event.hook for event in set(Event) - had.events}
        assert set(had.reasons) == missing


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": {"a": line(), "b": line()}}, "one keras.Model"),
        ({"model": line(), "scheduler": object()}, "takes its schedule itself"),
        ({"model": line(), "extras": {"counter": 3}}, r"extras\['counter'\]"),
    ],
)
def test_what_a_loop_over_keras_does_not_take_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        lineside.Run(**options)


def test_extras_are_saved_and_put_back(tmp_path):
    class Counter:
        count = 0

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    old, new = Counter(), Counter()
    old.count = 7
    with contextlib.suppress(RuntimeError):
        train([Dies(on_error="raise")], epochs=2, run_dir=tmp_path, extras={"counter": old})
    train([], epochs=2, run_dir=tmp_path, extras={"counter": new}, resume="auto")
    assert new.count == 7

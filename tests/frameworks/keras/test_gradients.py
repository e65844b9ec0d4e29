"""Callbacks see the gradients of a step: on torch as they are, on TensorFlow where it was asked for."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.gradient_watch import GradientWatch
from lineside.errors import AttachError, OptionError, RunStateError
from lineside.store.directory import RunDirectory
from lineside.store.reader import RunReader
from lineside.testing import toy
from lineside.testing.lifecycle import points, training
from lineside.testing.trace import TraceRecorder
from tests.frameworks.keras.line import arrays, fit, line
from tests.frameworks.keras.test_contract import TestKeras as Contract

BACKEND = keras.backend.backend()
asked = {"gradients": True} if BACKEND == "tensorflow" else {}
shown = pytest.mark.skipif(BACKEND not in ("tensorflow", "torch"), reason=f"{BACKEND} shows no gradients")
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="it is about steps that TensorFlow compiles")


class Sees(lineside.Callback):
    """Keeps step, weights and gradients, as two numbers each, of every backward pass."""

    needs = frozenset({"gradients", "model"})

    def on_setup(self, run):
        self.steps, self.weights, self.gradients = [], [], []

    def on_backward_end(self, run):
        self.steps.append(run.step)
        self.weights.append(numbers(run, run.model.parameters()))
        self.gradients.append(numbers(run, run.model.gradients()))


def numbers(run, named):
    """Kernel and bias."""
    return [float(run.model.values(tensor)[0]) for _, tensor in sorted(named, reverse=True)]


def plain(epochs, at_once=1):
    """Reckon gradients and weights of the toy by hand; a gradient of several batches is their mean."""
    weight = bias = 0.0
    found, batches = [], [toy.training_points()[at : at + toy.BATCH_SIZE] for at in range(0, 16, toy.BATCH_SIZE)]
    for number in range(epochs * toy.BATCHES // at_once):
        data = [point for more in range(at_once) for point in batches[(number * at_once + more) % toy.BATCHES]]
        errors = [(weight * x[0] + bias - y[0], x[0]) for x, y in data]
        gradient = [sum(2 * e * x for e, x in errors) / len(data), sum(2 * e for e, _ in errors) / len(data)]
        found.append(([weight, bias], gradient))
        weight, bias = weight - toy.LEARNING_RATE * gradient[0], bias - toy.LEARNING_RATE * gradient[1]
    return found


def same(sees, right):
    np.testing.assert_allclose(sees.weights, [weights for weights, _ in right], atol=1e-5)
    np.testing.assert_allclose(sees.gradients, [gradients for _, gradients in right], atol=1e-5)


@shown
def test_gradients_and_the_weights_that_they_belong_to(tmp_path):
    sees, recorder, model = Sees(), TraceRecorder(), line()
    fit(model, [bridge([sees, recorder], run_dir=tmp_path, **asked)], epochs=2)
    assert sees.steps == list(range(2 * toy.BATCHES))
    same(sees, plain(2))
    assert points(recorder.trace) == list(training(2, Contract.lacking - {lineside.Event.BACKWARD_END}))
    assert "apply" not in vars(model.optimizer)


@shown
def test_the_watch_tells_ratios_and_layers(tmp_path):
    ours = bridge([GradientWatch("3 steps")], run_dir=tmp_path, **asked)
    fit(line(), [ours], epochs=1)
    with RunReader.open(ours.run.dir) as records:
        norms, ratios = (records.series(f"batch/{name}/total") for name in ("gradients", "update_ratio"))
        layers = [name for name in records.metric_names() if name.startswith("batch/gradients/")]
    found = plain(2)
    right = [(np.hypot(*found[at][1]), np.hypot(*found[at + 1][0])) for at in (0, 3)]
    assert [point.step for point in norms] == [1, 4]
    assert [point.value for point in norms] == pytest.approx([norm for norm, _ in right], rel=1e-4)
    updates = [toy.LEARNING_RATE * norm / weights for norm, weights in right]
    assert [point.value for point in ratios] == pytest.approx(updates, rel=1e-3)
    assert len(layers) == 2


@shown
def test_gradients_that_are_accumulated_are_those_of_the_step(tmp_path):
    sees, model = Sees(), line()
    model.compile(optimizer=keras.optimizers.SGD(toy.LEARNING_RATE, gradient_accumulation_steps=2), loss="mse")
    fit(model, [bridge([sees], run_dir=tmp_path, **asked)], epochs=2)
    last = {step: at for at, step in enumerate(sees.steps)}
    sees.weights, sees.gradients = ([of[at] for at in last.values()] for of in (sees.weights, sees.gradients))
    same(sees, plain(2, at_once=2))


@shown
def test_gradients_have_no_scale_of_mixed_precision(tmp_path):
    sees, model = Sees(), line()
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(toy.LEARNING_RATE), initial_scale=8.0)
    model.compile(optimizer=scaled, loss="mse")
    fit(model, [bridge([sees], run_dir=tmp_path, **asked)], epochs=1)
    same(sees, plain(1))


@on_tensorflow
def test_a_step_that_was_compiled_before_is_compiled_anew_and_afterwards_copies_no_longer(tmp_path):
    sees, model = Sees(), line()
    fit(model, [bridge([], run_dir=tmp_path)], epochs=1)
    fit(model, [bridge([sees], run_dir=tmp_path, **asked)], epochs=1)
    same(sees, plain(2)[toy.BATCHES :])
    assert model.train_function is None
    fit(model, [bridge([], run_dir=tmp_path)], epochs=1)


@on_tensorflow
def test_of_several_steps_in_one_execution_the_last_one_is_seen(tmp_path):
    sees, watch = Sees(), GradientWatch("2 steps")
    ours = bridge([sees, watch], run_dir=tmp_path, **asked)
    fit(line(steps_per_execution=4), [ours], epochs=2)
    assert sees.steps == [3, 7]
    same(sees, plain(2)[3::4])
    with RunReader.open(ours.run.dir) as records:
        assert [point.step for point in records.series("batch/gradients/total")] == [4, 8]


@on_tensorflow
def test_a_step_that_runs_eagerly_is_told_once(tmp_path):
    sees = Sees()
    model = line()
    model.compile(optimizer=keras.optimizers.SGD(toy.LEARNING_RATE), loss="mse", run_eagerly=True)
    fit(model, [bridge([sees], run_dir=tmp_path, **asked)], epochs=1)
    same(sees, plain(1))


@on_tensorflow
def test_slices_of_an_embedding_and_layers_without_a_gradient(tmp_path):
    class Counts(lineside.Callback):
        needs = frozenset({"gradients"})

        def on_backward_end(self, run):
            seen.append({name.rpartition(".")[2]: run.model.values(one).shape for name, one in run.model.gradients()})

    class Half(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.unused = keras.layers.Embedding(5, 3), keras.layers.Dense(1)
            self.unused.build((None, 1))

        def call(self, inputs):
            return keras.ops.squeeze(self.words(inputs), 1)

    seen, model = [], Half()
    model(np.ones((4, 1)))
    model.compile(optimizer="sgd", loss="mse", jit_compile=False)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        model.fit(np.ones((4, 1)), np.ones((4, 3)), callbacks=[bridge([Counts()], run_dir=tmp_path, **asked)])
    assert seen == [{"embeddings": (15,)}]


@on_tensorflow
def test_a_step_that_passes_the_optimizer_by_ends_the_run_with_the_reason(tmp_path):
    class Stands(keras.Sequential):
        def train_step(self, data):
            return {"loss": 0.0}

    model, ours = Stands([keras.Input((1,)), keras.layers.Dense(1)]), bridge([Sees()], run_dir=tmp_path, **asked)
    model.compile(optimizer="sgd", loss="mse")
    with pytest.raises(RunStateError, match="no gradients were seen"):
        fit(model, [ours])
    assert RunDirectory.open(ours.run.dir).status() == "failed"


@pytest.mark.skipif(BACKEND == "torch", reason="torch shows them unasked")
def test_whoever_needs_gradients_is_refused_with_the_reason(tmp_path):
    with pytest.raises(AttachError, match=r"GradientWatch.*'keras'.*(gradients=True|never leave it)"):
        fit(line(), [bridge([GradientWatch()], run_dir=tmp_path)])


@pytest.mark.skipif(BACKEND != "jax", reason="it is about JAX")
def test_jax_cannot_be_asked():
    with pytest.raises(OptionError, match="on jax, and its gradients never leave it"):
        bridge([GradientWatch()], gradients=True)
    with pytest.raises(OptionError, match="on jax, and its gradients never leave it"):
        lineside.Run(model=line(), gradients=True)


@pytest.mark.skipif(BACKEND != "torch", reason="it is about torch")
def test_a_step_that_torch_compiles_shows_none(tmp_path):
    with pytest.raises(AttachError, match="jit_compile=True has torch compile the step"):
        fit(line(jit_compile=True), [bridge([GradientWatch()], run_dir=tmp_path)])


# ---- a loop of one's own ---------------------------------------------------------------------------------------------


def squared_error(model, inputs, targets):
    return keras.ops.mean(keras.ops.square(model(inputs) - targets))


def train(callbacks, *, compiled=True, ahead=False, **options):
    """Train in a loop with GradientTape; `ahead`: the step is compiled before the run is open."""
    import tensorflow as tf

    model, optimizer = line(), keras.optimizers.SGD(toy.LEARNING_RATE)
    optimizer.build(model.trainable_variables)

    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = squared_error(model, inputs, targets)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    step = tf.function(step) if compiled else step
    data = tf.data.Dataset.from_tensor_slices(arrays(toy.training_points())).batch(toy.BATCH_SIZE)
    if ahead:
        step(*next(iter(data)))
    with lineside.Run(model=model, optimizer=optimizer, callbacks=callbacks, **options) as run:
        for _ in run.epochs(1):
            for inputs, targets in run.batches(data):
                run.log({"loss": step(inputs, targets)})
                run.stepped()


@on_tensorflow
@pytest.mark.parametrize("compiled", [True, False])
def test_a_loop_with_gradient_tape(tmp_path, compiled):
    sees = Sees()
    train([sees, GradientWatch("1 step")], run_dir=tmp_path, compiled=compiled, gradients=True)
    assert sees.steps == list(range(toy.BATCHES))
    same(sees, plain(1))


@on_tensorflow
def test_a_loop_that_does_not_ask_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(AttachError, match=r"pass gradients=True to Run"):
        train([GradientWatch()], run_dir=tmp_path)


@on_tensorflow
def test_a_step_that_was_compiled_before_the_run_opened_is_an_error_at_the_first_step(tmp_path):
    with pytest.raises(RunStateError, match="called for the first time when the run is open"):
        train([GradientWatch()], run_dir=tmp_path, ahead=True, gradients=True)

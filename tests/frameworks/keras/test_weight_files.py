"""What `ModelCheckpoint` writes is what Keras, and TensorFlow, load by themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import AttachError, OptionError
from lineside.testing import toy
from tests.frameworks.keras.line import arrays, fit, line
from tests.frameworks.keras.process import run, run_anew

SUFFIXES = (".h5", ".weights.h5", ".keras")
FORMAT = None if keras.backend.backend() == "torch" else "saved_model"
with_saved_model = pytest.mark.skipif(FORMAT is None, reason="Keras on torch writes no SavedModel")
without_saved_model = pytest.mark.skipif(FORMAT is not None, reason="it is about Keras on torch")


class Cut(lineside.Callback):
    def __init__(self):
        super().__init__(on_error="raise")

    def on_epoch_end(self, run):
        raise RuntimeError("the power went")


def best_in_epoch_two(epoch, logs):
    logs["score"] = abs(epoch - 1)


def loaded(path):
    if path.name.endswith(".weights.h5"):
        model = line()
        model.load_weights(path)
        return model
    return keras.models.load_model(path, compile=False)


def test_a_new_process_loads_what_was_written_with_keras_and_tensorflow_alone(tmp_path):
    """Of each suffix the best file, of epoch 2; the SavedModel, where there is one, has the weights put back."""
    files = {suffix: tmp_path / f"model_{{epoch:02d}}_{{val_loss:.2f}}{suffix}" for suffix in SUFFIXES}
    best = {"monitor": "score", "mode": "min", "save_best_only": True}
    savers = [ModelCheckpoint(file, name=f"saves{suffix}", **best) for suffix, file in files.items()]
    last = ModelCheckpoint(final_format=FORMAT, **best)
    after = EarlyStopping("score", mode="min", patience=2, restore_best_weights=True)
    model, scores = line(), keras.callbacks.LambdaCallback(on_epoch_end=best_in_epoch_two)
    fit(model, [scores, bridge([*savers, last, after], run_dir=tmp_path)], epochs=9)
    written = [next(tmp_path.glob(f"model_02_*[0-9]{suffix}")) for suffix in SUFFIXES]
    given, _ = arrays(toy.validation_points())
    right = model.predict(given, verbose=0)
    script = """
        import json, sys, numpy
        folder, saved, *files = sys.argv[1:]
        given = numpy.load(folder + "/given.npy")
        found = []
        if saved:
            import tensorflow
            model = tensorflow.saved_model.load(saved)
            found.append(model.serve(given).numpy().ravel().tolist())
        import keras
        for file in files:
            if file.endswith(".weights.h5"):
                model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
                model.load_weights(file)
            else:
                model = keras.models.load_model(file, compile=False)
            found.append(model.predict(given, verbose=0).ravel().tolist())
        assert "lineside" not in sys.modules
        print(json.dumps(found))
    """
    np.save(tmp_path / "given.npy", given)
    ended = run_anew(script, tmp_path, str(last.exported or ""), *map(str, written))
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert len(found) == len(SUFFIXES) + (FORMAT is not None)
    for predicted in found:
        np.testing.assert_allclose(predicted, right.ravel(), rtol=1e-5)


@without_saved_model
def test_a_host_that_writes_no_saved_model_refuses_with_the_way_out(tmp_path):
    with pytest.raises(AttachError, match=r"ModelCheckpoint.*saved_model.*KERAS_BACKEND=tensorflow"):
        fit(line(), [bridge([ModelCheckpoint(final_format="saved_model")], run_dir=tmp_path)])


@with_saved_model
def test_what_is_cut_off_has_no_final_format_and_what_cannot_be_exported_costs_no_training(tmp_path, caplog):
    class Stuck(keras.Sequential):
        def export(self, *arguments, **options):
            raise NotImplementedError("it is made of code")

    last = ModelCheckpoint(final_format="saved_model")
    ours = bridge([last, Cut()], run_dir=tmp_path)
    with pytest.raises(RuntimeError, match="the power went"):
        fit(line(), [ours], epochs=2)
    assert (last.exported, list(ours.run.dir.glob("*saved_model*"))) == (None, [])
    ours = bridge([last], run_dir=tmp_path)
    model = Stuck([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    fit(model, [ours], epochs=1)
    assert (last.exported, list(ours.run.dir.glob("*saved_model*"))) == (None, [])
    assert "Keras cannot export this model as a SavedModel: it is made of code" in caplog.text


@with_saved_model
def test_a_run_that_is_trained_on_has_the_newer_saved_model(tmp_path):
    import tensorflow as tf

    last = ModelCheckpoint(final_format="saved_model")
    ours = bridge([last], run_dir=tmp_path)
    fit(line(), [ours], epochs=1)
    model = line()
    fit(model, [bridge([last], run_dir=tmp_path, resume=ours.run.name)], epochs=3)
    given, _ = arrays(toy.validation_points())
    served = tf.saved_model.load(last.exported)
    np.testing.assert_allclose(served.serve(given), model.predict(given, verbose=0), rtol=1e-5)
    assert [one.name for one in ours.run.dir.glob("*saved_model*")] == ["saved_model"]


def test_the_dense_weights_as_safetensors(tmp_path):
    from safetensors.numpy import load_file

    model = line()
    checkpoint = ModelCheckpoint(tmp_path / "m{epoch}.safetensors", monitor=None)
    fit(model, [bridge([checkpoint], run_dir=tmp_path)], epochs=1)
    assert sorted(load_file(tmp_path / "m1.safetensors").values(), key=np.ndim) == [
        pytest.approx(weights) for weights in reversed(model.get_weights())
    ]


def test_another_suffix_is_refused_before_the_training(tmp_path):
    with pytest.raises(OptionError, match=r"\.weights\.h5"):
        fit(line(), [bridge([ModelCheckpoint(tmp_path / "m{epoch}.pt")], run_dir=tmp_path)])


def test_a_model_that_keras_cannot_write_costs_a_file_and_not_the_training(tmp_path, caplog):
    class Coded(keras.Sequential):
        def get_config(self):
            raise NotImplementedError("it is made of code")

    model = Coded([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    history = fit(model, [bridge([ModelCheckpoint(tmp_path / "m{epoch}.keras")], run_dir=tmp_path)], epochs=2)
    assert len(history.history["loss"]) == 2
    assert "cannot write this model to a file that ends in .keras" in caplog.text
    assert not list(tmp_path.glob("*.keras"))


def test_a_kill_during_a_save_keeps_the_previous_file(tmp_path):
    """Keras' own ModelCheckpoint writes over the file, and a kill leaves neither."""
    script = """
        import os, sys, keras
        from lineside.bridges.keras import keras as bridge
        from lineside.callbacks.model_checkpoint import ModelCheckpoint
        from tests.frameworks.keras.line import fit, line

        saves, save = [], keras.Sequential.save_weights

        def dying(self, path, *arguments, **options):
            saves.append(path)
            if len(saves) == 2:
                with open(path, "wb") as file:
                    file.write(b"half of it")
                os._exit(9)
            save(self, path, *arguments, **options)

        keras.Sequential.save_weights = dying
        checkpoint = ModelCheckpoint(sys.argv[1] + "/best.weights.h5", save_best_only=True)
        fit(line(), [bridge([checkpoint], run_dir=sys.argv[1])], epochs=3)
    """
    assert run(script, tmp_path).returncode == 9
    first = line()
    fit(first, [], epochs=1)
    for one, other in zip(loaded(tmp_path / "best.weights.h5").get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

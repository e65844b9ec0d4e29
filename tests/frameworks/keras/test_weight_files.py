"""Files that `ModelCheckpoint` writes are files that Keras loads by itself."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

from lineside.bridges.keras import keras as bridge
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import OptionError
from tests.frameworks.keras.line import fit, line
from tests.frameworks.keras.process import run


def loaded(path):
    if path.name.endswith(".weights.h5"):
        model = line()
        model.load_weights(path)
        return model
    return keras.models.load_model(path, compile=False)


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras"])
def test_keras_loads_it(tmp_path, suffix):
    model, template = line(), f"models/model_{{epoch:02d}}_{{val_loss:.2f}}{suffix}"
    fit(model, [bridge([ModelCheckpoint(tmp_path / template, save_best_only=True)], run_dir=tmp_path)], epochs=2)
    newest = max((tmp_path / "models").iterdir())
    assert newest.name.startswith("model_02_")
    assert newest.name.endswith(suffix)
    for one, other in zip(loaded(newest).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


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

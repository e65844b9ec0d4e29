"""A process that is killed leaves a run that ends, when it is resumed, where the uninterrupted one ends."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

from lineside.bridges.keras import keras as bridge
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import RunStateError
from tests.frameworks.keras.killed import SCORES, STOPS, train
from tests.frameworks.keras.line import fit, line
from tests.frameworks.keras.process import run
from tests.frameworks.keras.test_failures import Epochs, Fails


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("hook", "epoch"),
    [("on_batch_end", 0), ("on_val_batch_end", 3), ("on_checkpoint", 4)],
)
def test_killed_at(tmp_path, whole, hook, epoch):
    script = """
        import sys
        from pathlib import Path
        from tests.frameworks.keras.killed import Killed, train

        train(Path(sys.argv[1]), Killed(sys.argv[2], int(sys.argv[3])))
        print("not killed")
    """
    ended = run(script, tmp_path, hook, str(epoch))
    assert ended.returncode == -9, ended.stderr
    uninterrupted, right, best = whole
    ours, model, found = train(tmp_path, resume="auto")
    assert found == best == min(SCORES[:STOPS])
    assert ours.run.reason == uninterrupted.run.reason
    for name in ("train/score", "train/loss", "val/loss", "lr"):
        assert ours.run.history[name] == uninterrupted.run.history[name], name
    assert len(ours.run.history["train/score"]) == STOPS
    assert len(set(ours.run.history["lr"])) > 1, "the rate has gone down"
    for one, other in zip(model.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_backup_and_restore_of_keras_goes_on_beside_ours(tmp_path):
    """Both resume, from the same epoch; and one that goes on alone is an error instead of a mixture."""

    def backed(*more, epochs=4, **options):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        ours, seen = bridge([ModelCheckpoint(), *more], run_dir=tmp_path / "runs", **options), Epochs()
        fit(model := line(), [ours, backup, seen], epochs=epochs)
        return ours, seen, model

    with pytest.raises(RuntimeError, match="the power went"):
        backed(Fails(epoch=2))
    ours, seen, model = backed(resume="auto")
    fit(whole := line(), [], epochs=4)
    assert (seen.epochs, ours.run.epochs_done) == ([3, 4], 4)
    for one, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    fresh, seen, _ = backed(epochs=6)
    assert (seen.epochs, fresh.run.epoch) == ([5, 6], 6), "a new run begins where Keras begins"
    with pytest.raises(RunStateError, match="they do not belong together"):
        backed(epochs=9, resume=ours.run.name)

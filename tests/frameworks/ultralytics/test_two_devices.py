"""A training on two devices, as Ultralytics makes it: launched, with callbacks that travel."""

from __future__ import annotations

import json
import pickle
import subprocess
import threading

import cloudpickle
import pytest
import torch
from ultralytics import YOLO

from lineside.backends.torch.document import unpacked
from lineside.bridges.ultralytics import ultralytics
from lineside.bridges.ultralytics.ended import EndedRun
from lineside.bridges.ultralytics.host import SEVERAL
from lineside.bridges.ultralytics.ranks import BetweenEpochs
from lineside.callback import Callback
from lineside.callbacks.alert import Alert
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.email_alert import EmailAlertCallback
from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.errors import AttachError
from lineside.registry import find, names
from lineside.run.attach import attach
from lineside.run.saving import OneDocument
from tests.frameworks.ultralytics.two_processes import TwoProcesses, Witness, WorseAndWorse, fail_in_the_second_epoch

DEVICES = {"trainer": TwoProcesses}


def stopping():
    return EarlyStopping("val/badness", patience=2, mode="min", restore_best_weights=True)


@pytest.mark.slow
def test_it_is_cut_off_goes_on_and_comes_back(fit, narrow, tmp_path):
    """Ultralytics: callbacks travel and nothing comes back; of all stops that of rank zero at the end is heard."""
    cut = [
        WorseAndWorse(),
        stopping(),
        ModelCheckpoint(),
        LambdaCallback(on_batch_end=fail_in_the_second_epoch, on_error="raise"),
    ]
    with pytest.raises(subprocess.CalledProcessError) as failure:
        fit(cut, epochs=5, arguments=DEVICES)
    assert "is failed: RuntimeError: boom" in failure.value.__notes__[-1]

    watching, stops, model = WorseAndWorse(), stopping(), YOLO(narrow)
    witness = Witness(tmp_path)
    model.add_callback("on_fit_epoch_end", witness)
    bridge = fit([watching, stops, ModelCheckpoint()], epochs=5, model=model, resume="auto", arguments=DEVICES)
    run = bridge.run
    assert isinstance(run, EndedRun)
    assert (run.status, run.attempt, run.epoch) == ("stopped", 2, 3)
    # What the callbacks knew has come back, the epoch before the resume included.
    assert watching.epochs == 3
    assert stops.state_dict()["best_epoch"] == 0
    # All ranks have the same weights, behind a resume and a rate that was set.
    for epoch in (1, 2):
        one, other = (json.loads((tmp_path / f"{epoch}-{rank}.json").read_text()) for rank in (0, 1))
        assert one["weights"] == other["weights"]
    assert run.history["lr/0"] == pytest.approx([0.05, 0.01, 0.01])
    table = bridge.yolo.trainer.read_results_csv()
    for part in ("box_loss", "cls_loss", "dfl_loss"):
        assert run.history[f"val/{part}"] == pytest.approx(table[f"val/{part}"], abs=1e-5)
    # The best epoch's average, which rank zero has put back, is the model here.
    best = unpacked("model.average", OneDocument(Checkpoint.open(next((run.dir / "checkpoints").glob("epoch0001*")))))
    weights = bridge.yolo.model.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in best["weights"].items())


class Locked(Callback):
    """Holds a lock before there is a run."""

    def __init__(self, **options):
        super().__init__(**options)
        self.lock = threading.Lock()

    def on_epoch_end(self, run):
        with self.lock:
            pass


def test_a_lock_in_a_callback_is_named_before_anything_starts(fit):
    """Ultralytics: TypeError: cannot pickle '_thread.lock' object."""
    with pytest.raises(AttachError, match=r"locked.* cannot travel .*lock.* Make locks"):
        fit([Locked()], epochs=1, arguments=DEVICES)


def test_the_catalogue_travels(narrow):
    made = {"freeze-unfreeze": FreezeUnfreeze("model.0"), "lambda": LambdaCallback(on_epoch_end=print)}
    made["learning-rate-scheduler"] = LearningRateScheduler(lambda epoch: 0.1)
    made["alert"], made["email-alert"] = Alert("val/loss > 10"), EmailAlertCallback("somebody@example.org")
    catalogue = [made.get(name) or find(name)() for name in names() if name != "iron-triangle"]
    yolo = YOLO(narrow)
    ultralytics(yolo, catalogue)
    hooks = pickle.loads(cloudpickle.dumps(dict(yolo.callbacks)))
    arrived = hooks["on_train_start"][-1].bridge
    assert [one.name for one in arrived.callbacks] == [one.name for one in catalogue]
    assert arrived is hooks["teardown"][-1].bridge


def test_others_than_rank_zero_carry_no_callbacks(narrow, monkeypatch):
    yolo = YOLO(narrow)
    ultralytics(yolo, ["early-stopping"])
    monkeypatch.setenv("RANK", "1")
    hooks = pickle.loads(cloudpickle.dumps(dict(yolo.callbacks)))
    assert not hasattr(hooks["on_train_start"][-1].bridge, "callbacks")
    hooks["on_train_batch_end"][-1](None)


@pytest.mark.parametrize("callback", ["warm-up", FreezeUnfreeze("model.0")])
def test_callbacks_that_would_part_the_ranks_are_refused(callback):
    with pytest.raises(AttachError, match="in the first alone"):
        attach([callback], "ultralytics", SEVERAL)


@pytest.mark.parametrize(
    ("phase", "interrupting", "due"), [("train", None, False), ("train", "now", True), ("done", None, True)]
)
def test_requests_wait_for_the_end_of_the_epoch(phase, interrupting, due):
    agreement = BetweenEpochs()
    agreement.run = type("Run", (), {"progress": type("Progress", (), {"phase": phase}), "interrupting": interrupting})
    assert agreement.due(3, waiting=True) is due
    assert not agreement.due(3, waiting=False)

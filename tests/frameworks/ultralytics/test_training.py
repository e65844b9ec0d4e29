"""Trainings of a real YOLO under the bridge: what can be done to them, and what is left of them."""

from __future__ import annotations

import json
import os
import signal

import pytest
import torch
from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.bridges.ultralytics.host import CAPABILITIES
from lineside.callback import Callback
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.errors import AttachError, CheckpointUntrusted, OptionError, RunStateError
from lineside.events import Event
from lineside.run.attach import attach
from lineside.testing.toy_callbacks import Asks, KeepsCheckpoints
from lineside.testing.trace import TraceRecorder


class WorseAndWorse(Callback):
    """Publishes a metric that is best in the first epoch."""

    on_error = "raise"

    def __init__(self, **options):
        super().__init__(**options)
        self.epochs = []

    def on_val_end(self, run):
        self.epochs.append(run.epoch)
        run.log({"val/badness": float(run.epoch)})


def statuses(tmp_path):
    return [json.loads(path.read_text())["status"] for path in sorted((tmp_path / "runs").rglob("run.json"))]


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_early_stopping_stops_resumes_and_gives_the_best_weights_to_the_model(fit, narrow, tmp_path):
    averages = []

    def callbacks():
        stopping = EarlyStopping("val/badness", patience=2, mode="min", restore_best_weights=True)
        return [WorseAndWorse(), stopping, ModelCheckpoint(monitor="val/badness", mode="min")]

    def look(yolo):
        def keep(trainer):
            if trainer.epoch == 0:
                averages.append({name: tensor.clone() for name, tensor in trainer.ema.ema.state_dict().items()})

        yolo.add_callback("on_fit_epoch_end", keep)
        return yolo

    # It is cut off in the second epoch and would have stopped behind the third one of five.
    cut = Asks(_fail, Event.BATCH_END, epoch=1, batch=1, on_error="raise")
    model = look(YOLO(narrow))
    with pytest.raises(RuntimeError, match="boom"):
        fit([*callbacks(), cut], epochs=5, model=model)
    seen, *others = callbacks()
    bridge = fit([seen, *others], epochs=5, resume="auto")
    assert seen.epochs == [1, 2]
    assert bridge.run.attempt == 2
    assert statuses(tmp_path) == ["stopped"]
    assert same(averages[0], bridge.yolo.model.state_dict())
    # What Ultralytics found best is left alone, the table of results is whole.
    assert bridge.yolo.trainer.best.exists()
    assert bridge.yolo.trainer.read_results_csv()["epoch"] == [1, 2, 3]


def _fail(_):
    raise RuntimeError("boom")


def test_a_checkpoint_holds_files_that_ultralytics_loads_by_itself(fit, tmp_path, pictures):
    keeper, file = KeepsCheckpoints(), tmp_path / "mine" / "square_{epoch:02d}.pt"
    fit([ModelCheckpoint(monitor="val/loss", filepath=str(file)), keeper], epochs=1)
    path = keeper.seen[0].path
    Checkpoint.open(path).verify()
    for name in ("last.pt", "best.pt"):
        with pytest.raises(CheckpointUntrusted):
            Checkpoint.open(path).file(name)
    found = [next((tmp_path / "mine").glob("*.pt")), Checkpoint.open(path, trust=True).file("last.pt")]
    models = [YOLO(str(path)) for path in found]
    assert same(models[0].model.state_dict(), models[1].model.state_dict())
    assert models[0].names == {0: "square"}
    assert len(models[0].predict(str(pictures / "0.png"), imgsz=64, device="cpu", verbose=False)) == 1


def test_a_step_takes_as_many_batches_as_ultralytics_accumulates(fit):
    recorder = TraceRecorder()
    fit([recorder], epochs=1, arguments={"nbs": 8})
    steps = [one.step for one in recorder.trace if one.event is Event.BATCH_END]
    assert steps == [0, 1, 1, 2]


def test_a_validation_in_mid_epoch(fit):
    recorder = TraceRecorder()
    fit([Asks(lambda run: run.validate("look"), Event.BATCH_END, batch=1), recorder], epochs=1)
    starts = [(one.step, one.batch) for one in recorder.trace if one.event is Event.VAL_START]
    assert [step for step, _ in starts] == [2, 4]
    assert "val/mAP50(B)" in recorder.trace[-1].metrics
    assert "val/box_loss" in recorder.trace[-1].metrics


def test_a_stop_by_a_callback_of_ultralytics_own(fit, narrow, tmp_path):
    def enough(trainer):
        trainer.stop = trainer.epoch == 1

    recorder, yolo = TraceRecorder(), YOLO(narrow)
    yolo.add_callback("on_train_batch_end", enough)
    bridge = fit([recorder], epochs=3, model=yolo)
    batches = [(one.epoch, one.batch) for one in recorder.trace if one.event is Event.BATCH_END]
    assert batches == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert recorder.events[-5:] == ["on_epoch_end", "on_fit_epoch_end", "on_checkpoint", "on_train_end", "on_teardown"]
    assert bridge.run.reason == "ultralytics ended the training"


class Rates(Callback):
    """Keeps the rate of the first group at the end of each batch, and halves it in one of them."""

    def __init__(self, *, halve=False):
        super().__init__()
        self.halve, self.seen = halve, []

    def on_batch_end(self, run):
        self.seen.append(run.lr["0"])
        if self.halve and (run.epoch, run.batch) == (0, 2):
            run.set_lr(run.lr["0"] / 2, group="0")


def test_a_rate_that_is_set_goes_with_ultralytics_own_warm_up_and_schedule(fit):
    arguments = {"warmup_epochs": 1, "lrf": 0.1, "cos_lr": True}
    plain, halved = Rates(), Rates(halve=True)
    for rates in (plain, halved):
        fit([rates], epochs=3, arguments=arguments)
    assert len(set(plain.seen)) == 6  # four of the warm-up, and one of each further epoch
    assert halved.seen == pytest.approx(plain.seen[:3] + [rate / 2 for rate in plain.seen[3:]])


def test_the_lack_of_memory_that_ultralytics_deals_with_begins_the_epoch_anew(fit, narrow):
    recorder, yolo, calls = TraceRecorder(), YOLO(narrow), []

    def short_of_memory(trainer):
        calls.append(trainer.epoch)
        if len(calls) == 2:
            plain = trainer.preprocess_batch

            def once(batch):
                trainer.preprocess_batch = plain
                raise RuntimeError("CUDA out of memory")

            trainer.preprocess_batch = once

    yolo.add_callback("on_train_batch_start", short_of_memory)
    fit([recorder], epochs=1, model=yolo)
    batches = [one.batch for one in recorder.trace if one.event is Event.BATCH_END]
    assert batches == [0, *range(7)]  # of half the size
    assert recorder.events.count("on_epoch_start") == recorder.events.count("on_epoch_end") == 1


def test_a_termination_leaves_a_run_that_resumes(fit, tmp_path):
    recorder = TraceRecorder()
    kill = Asks(lambda _: os.kill(os.getpid(), signal.SIGTERM), Event.BATCH_END, epoch=1)
    with pytest.raises(SystemExit):
        fit([kill, recorder], epochs=2)
    assert recorder.events[-1] == "on_teardown"
    assert statuses(tmp_path) == ["interrupted"]
    again = TraceRecorder()
    fit([again], epochs=2, resume="auto")
    assert {one.epoch for one in again.trace if one.event is Event.BATCH_END} == {1}
    assert statuses(tmp_path) == ["completed"]


def test_an_error_of_ultralytics_own_reaches_the_callbacks(fit, narrow, tmp_path):
    recorder, yolo = TraceRecorder(), YOLO(narrow)
    yolo.add_callback("on_train_batch_end", _fail)
    with pytest.raises(RuntimeError, match="boom"):
        fit([recorder], epochs=1, model=yolo)
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]
    assert statuses(tmp_path) == ["failed"]


def test_a_training_inside_of_an_except_clause_is_no_failure(fit, tmp_path):
    recorder = TraceRecorder()
    try:
        raise ValueError("an earlier one")
    except ValueError:
        fit([recorder], epochs=1)
    assert "on_exception" not in recorder.events
    assert statuses(tmp_path) == ["completed"]


def test_integrations_are_switched_for_one_training_and_see_what_callbacks_log(fit, monkeypatch):
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.callbacks import tensorboard, wb

    logged, unwanted = [], []
    monkeypatch.setattr(tensorboard, "callbacks", {"on_fit_epoch_end": lambda one: logged.append(dict(one.metrics))})
    monkeypatch.setattr(wb, "callbacks", {"on_fit_epoch_end": unwanted.append})
    monkeypatch.setitem(SETTINGS, "tensorboard", False)
    monkeypatch.setitem(SETTINGS, "wandb", True)
    log = Asks(lambda run: run.log({"squares": 7.0}), Event.EPOCH_END)
    bridge = fit([log], epochs=2, integrations={"tensorboard": True, "wandb": False})
    assert [one.get("squares") for one in logged] == [7.0, None, None]  # Ultralytics' extra one is its own
    assert unwanted == []
    assert "squares" not in bridge.yolo.trainer.read_results_csv()


def test_wrong_integrations_are_refused(narrow):
    with pytest.raises(OptionError, match="tensorboard"):
        ultralytics(YOLO(narrow), integrations={"tensorbord": True})
    with pytest.raises(OptionError, match="True for on"):
        ultralytics(YOLO(narrow), integrations={"tensorboard": 1})


def test_only_a_model_of_ultralytics_is_taken():
    with pytest.raises(OptionError, match="not a Linear"):
        ultralytics(torch.nn.Linear(1, 1))


def test_a_run_that_has_all_of_its_epochs_says_so(fit):
    bridge = fit([], epochs=1)
    with pytest.raises(RunStateError, match="nothing to go on with"):
        fit([], epochs=1, resume=bridge.run.name)


@pytest.mark.parametrize("name", ["ema", "swa", "confusion-matrix", "prediction-samples", "lr-finder"])
def test_callbacks_that_need_what_is_not_there_are_refused(name):
    with pytest.raises(AttachError, match="'ultralytics' does not have"):
        attach([name], "ultralytics", CAPABILITIES)


def test_the_others_of_the_catalogue_run(fit):
    names = ["gradient-watch", "resource-monitor", "terminate-on-nan", "warm-up", "loss-spike-guard", "log-metrics"]
    recorder = TraceRecorder()
    bridge = fit([*names, ReduceLROnPlateau("val/loss", patience=1), recorder], epochs=2)
    assert bridge.run.reason == "all 2 epochs are done"
    assert "on_alert" not in recorder.events

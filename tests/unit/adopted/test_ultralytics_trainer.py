from __future__ import annotations

from pathlib import Path

import pytest

from lineside.adopted import adopt
from lineside.control import Kind
from lineside.errors import AdoptedError, RequestRefused
from lineside.testing import FakeRun


def test_what_the_trainer_shows() -> None:
    seen: list[object] = []

    def on_fit_epoch_end(trainer):
        seen.extend([trainer.epoch + 1, trainer.epochs, trainer.metrics.get("val/loss"), trainer.args.imgsz])
        seen.extend([trainer.metrics["metrics/mAP50(B)"], trainer.save_dir, trainer.lr, trainer.args.epochs])

    run = FakeRun([adopt(on_fit_epoch_end, arguments={"imgsz": 640})], epochs=3, lr={"": 0.5})
    run.epoch_end({"val/loss": 0.6, "metrics/mAP50(B)": 0.3})
    assert seen == [1, 3, 0.6, 640, 0.3, Path(run.dir), {"lr/pg0": 0.5}, 3]


def test_within_a_batch() -> None:
    seen: list[object] = []

    def on_train_batch_end(trainer):
        seen.append((trainer.batch_i, trainer.optimizer, trainer.model))

    run = FakeRun([adopt(on_train_batch_end)], optimizers={"": "sgd"})
    run.batch_end(loss=0.5)
    assert seen == [(0, "sgd", run.model.module)]


def test_a_stop_is_asked_for_once_and_is_final() -> None:
    kept: list[object] = []

    def on_train_batch_end(trainer):
        trainer.stop = True
        kept.append(trainer)

    run = FakeRun([adopt(on_train_batch_end)])
    run.batch_end(loss=0.5, stepped=False)
    run.batch_end(loss=0.5)
    reasons = [(one.kind, one.reason) for one in run.requests]
    assert reasons == [(Kind.STOP, "ultralytics-on-train-batch-end set trainer.stop")]
    with pytest.raises(RequestRefused, match="final"):
        kept[0].stop = False


def test_what_is_kept_on_the_trainer_is_there_in_the_validation() -> None:
    seen: list[object] = []
    functions = {
        "on_train_start": lambda trainer: setattr(trainer, "_mine", 3),
        "on_val_end": lambda validator: seen.append(validator._mine),
    }
    FakeRun([adopt(functions)]).epoch_end(val_loss=0.5)
    assert seen == [3]


def test_a_trainer_cannot_be_changed_otherwise() -> None:
    def on_train_start(trainer):
        trainer.epochs = 100

    with pytest.raises(AdoptedError, match=r"trainer\.epochs"):
        FakeRun([adopt(on_train_start)]).start()

"""A training of a small YOLO that stops early, and may be killed before: ``python -m …killed DATA MODEL PLACE``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from tests.frameworks.ultralytics.nms import stand_in


def train(data, model, place, *more, resume=None, by_itself=False):
    """Train for four epochs of six, best in the second, and return the bridge; `by_itself`: Ultralytics resumes too."""
    stand_in()
    worsens = LambdaCallback(on_val_end=lambda run: run.log({"val/badness": float(abs(run.epoch - 1))}))
    watching = [
        EarlyStopping("val/badness", mode="min", patience=2),
        ModelCheckpoint(monitor="val/badness", mode="min"),
        ReduceLROnPlateau("val/badness", mode="min", patience=1),
    ]
    yolo = YOLO(model)
    bridge = ultralytics(yolo, [worsens, *watching, *more], run_dir=place / "runs", resume=resume)
    arguments = {"workers": 0, "optimizer": "SGD", "lr0": 0.05, "lrf": 0.1, "warmup_epochs": 0, "mosaic": 0.0}
    arguments |= {"epochs": 6, "imgsz": 64, "batch": 4, "nbs": 4, "close_mosaic": 0}
    arguments = {"resume": True} if by_itself else arguments
    yolo.train(data=data, device="cpu", plots=False, project=str(place / "ultralytics"), **arguments)
    return bridge


def kill(run):
    if (run.epoch, run.batch) == (2, 2):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    data, model, place = sys.argv[1:]
    train(data, model, Path(place), LambdaCallback(on_batch_end=kill, name="kills"))

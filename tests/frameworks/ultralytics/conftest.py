"""A drawn data set, and an Ultralytics that asks nobody: no settings of the machine, no network."""

from __future__ import annotations

import os
import tempfile

# Read when Ultralytics is imported.
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="0", YOLO_CONFIG_DIR=tempfile.mkdtemp(), YOLO_VERBOSE="false")

import pytest

pytest.importorskip(
    "ultralytics", reason="the bridge to Ultralytics needs it: pip install ultralytics-opencv-headless torchvision"
)

import cv2
import numpy as np
import torch
from ultralytics import YOLO
from ultralytics.nn.tasks import yaml_model_load
from ultralytics.utils import YAML

from lineside.bridges.ultralytics import ultralytics
from lineside.testing import toy
from tests.frameworks.ultralytics.nms import stand_in

TRAIN, VAL, BATCH = 14, 12, 4
"""Images, and how many a batch has: as many batches as the toy of all hosts, since a validation takes twice as many."""

stand_in()


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Bright squares on dark ground; returns the path of the data set's file."""
    place, random = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("val", VAL)):
        for folder in ("images", "labels"):
            (place / folder / split).mkdir(parents=True)
        for number in range(count):
            picture = random.integers(0, 60, (64, 64, 3), dtype=np.uint8)
            x, y = (int(one) for one in random.integers(4, 36, 2))
            picture[y : y + 24, x : x + 24] = 230
            cv2.imwrite(str(place / "images" / split / f"{number}.png"), picture)
            label = f"0 {(x + 12) / 64} {(y + 12) / 64} {24 / 64} {24 / 64}\n"
            (place / "labels" / split / f"{number}.txt").write_text(label)
    path = place / "squares.yaml"
    path.write_text(f"path: {place}\ntrain: images/train\nval: images/val\nnames:\n  0: square\n")
    return path


@pytest.fixture(scope="session")
def pictures(drawn):
    """The folder of the pictures for validation."""
    return drawn.parent / "images" / "val"


@pytest.fixture(scope="session")
def narrow(tmp_path_factory):
    """The configuration of yolov8n with a quarter of its channels; returns its path."""
    configuration = yaml_model_load("yolov8n.yaml")
    configuration["scales"]["n"][1] /= 4
    path = tmp_path_factory.mktemp("models") / "yolov8n.yaml"
    YAML.save(path, {name: configuration[name] for name in ("nc", "scales", "backbone", "head")})
    return str(path)


@pytest.fixture
def fit(drawn, narrow, tmp_path):
    """Trains a small YOLO on the squares, and returns its bridge."""

    def train(callbacks, *, epochs=2, model=None, arguments=None, **options):
        torch.manual_seed(0)
        yolo = model or YOLO(narrow)
        bridge = ultralytics(yolo, callbacks, **{"run_dir": tmp_path / "runs", **options})
        bridge.yolo = yolo
        yolo.train(
            **{
                "data": str(drawn),
                "epochs": epochs,
                "imgsz": 64,
                "batch": BATCH,
                "nbs": BATCH,
                "device": "cpu",
                "workers": 0,
                "optimizer": "SGD",
                "lr0": toy.LEARNING_RATE,
                "lrf": 1.0,
                "warmup_epochs": 0,
                "close_mosaic": 0,
                "mosaic": 0.0,
                "plots": False,
                "project": str(tmp_path / "ultralytics"),
                **(arguments or {}),
            }
        )
        return bridge

    return train

"""YOLO with three layers, which looks for squares."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Read when Ultralytics is imported.
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="0", YOLO_VERBOSE="false")
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())

import cv2
import numpy as np
from ultralytics import YOLO
from ultralytics.utils import YAML

from benchmarks.hosts.idle import idle
from benchmarks.pace import Exchanged, Turns
from lineside.bridges.ultralytics import ultralytics as bridge
from tests.frameworks.ultralytics.nms import stand_in

NAME = "Ultralytics"
BATCHES = 8000
ONLY_HOOKS = True
HOOKS = ("on_train_batch_start", "on_train_batch_end")
SIZE, BATCH, VALIDATED = 64, 2, 2
_MODEL = {"nc": 1, "backbone": [[-1, 1, "Conv", [8, 3, 2]]] * 3, "head": [[[2], 1, "Detect", ["nc"]]]}


stand_in()


@cache
def squares(count: int) -> str:
    """Draw a picture with a square in it, and link it as often as there are pictures; return the data set's file."""
    place, random = Path(tempfile.mkdtemp()), np.random.default_rng(0)
    picture = random.integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
    picture[20:44, 20:44] = 230
    cv2.imwrite(str(place / "square.png"), picture)
    (place / "square.txt").write_text("0 0.5 0.5 0.375 0.375\n")
    for split, number in (("train", count), ("val", VALIDATED)):
        for folder, suffix in (("images", "png"), ("labels", "txt")):
            (place / folder / split).mkdir(parents=True)
            for index in range(number):
                (place / folder / split / f"{index}.{suffix}").hardlink_to(place / f"square.{suffix}")
    path = place / "squares.yaml"
    YAML.save(path, {"path": str(place), "train": "images/train", "val": "images/val", "names": {0: "square"}})
    return str(path)


class Hooks:
    """What stands at a place in each of Ultralytics' lists of hooks, by its event; None where it was taken out.

    Args:
        lists: of a trainer, by event.
        places: by event.
    """

    def __init__(self, lists: dict[str, list[Any]], places: dict[str, int]) -> None:
        self.__dict__.update(lists=lists, places={name: slice(place, place + 1) for name, place in places.items()})

    def __getattr__(self, name: str) -> Any:
        there = self.lists[name][self.places[name]]
        return there[0] if there else None

    def __setattr__(self, name: str, hook: Any) -> None:
        place = self.places[name]
        self.lists[name][place] = [] if hook is None else [hook]
        self.places[name] = slice(place.start, place.start + (hook is not None))


def train(turns: Turns) -> None:
    """Train an epoch."""

    def beat(_: Any) -> None:
        turns.batch_ended()

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "smallest.yaml"
        YAML.save(path, _MODEL)
        yolo = YOLO(str(path))
        bridge(yolo, idle(), run_dir=directory)
        nothing = SimpleNamespace(on_train_batch_end=lambda _: None)
        places = {name: len(yolo.callbacks[name]) - 1 for name in HOOKS}

        def begin(trainer: Any) -> None:
            turns.watch(Exchanged(Hooks(trainer.callbacks, places), HOOKS, nothing))

        yolo.add_callback("on_train_start", begin)
        yolo.add_callback("on_train_batch_end", beat)
        yolo.train(
            data=squares(BATCH * turns.batches),
            epochs=1,
            batch=BATCH,
            nbs=BATCH,
            imgsz=SIZE,
            device="cpu",
            workers=0,
            optimizer="SGD",
            warmup_epochs=0,
            mosaic=0.0,
            cache="ram",
            plots=False,
            save=False,
            project=directory,
        )

"""Train a small YOLO on drawn squares with callbacks of Lineside: ``python examples/ultralytics_detection.py``.

Needs Ultralytics, and nothing from the network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint

SIZE, SQUARE = 64, 24


def draw(place: Path, images: dict[str, int]) -> Path:
    """Draw bright squares on dark ground, with their labels, and return the path of the data set's file."""
    random = np.random.default_rng(0)
    for split, count in images.items():
        pictures, labels = place / "images" / split, place / "labels" / split
        for folder in (pictures, labels):
            folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = random.integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
            x, y = (int(one) for one in random.integers(0, SIZE - SQUARE, 2))
            picture[y : y + SQUARE, x : x + SQUARE] = 230
            cv2.imwrite(str(pictures / f"{number}.png"), picture)
            box = ((x + SQUARE / 2) / SIZE, (y + SQUARE / 2) / SIZE, SQUARE / SIZE, SQUARE / SIZE)
            (labels / f"{number}.txt").write_text(f"0 {' '.join(f'{one:.4f}' for one in box)}\n")
    data = place / "squares.yaml"
    data.write_text(f"path: {place.resolve()}\ntrain: images/train\nval: images/val\nnames:\n  0: square\n")
    return data


def main() -> None:
    """Train, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--model", default="yolov8n.yaml", help="a configuration or a .pt file")
    parser.add_argument("--place", type=Path, default=Path("squares"), help="where all files go")
    options = parser.parse_args()

    data = draw(options.place, {"train": 24, "val": 8})
    yolo = YOLO(options.model)
    bridge = ultralytics(
        yolo,
        [
            EarlyStopping("val/mAP50(B)", mode="max", patience=5),
            ModelCheckpoint(monitor="val/loss", filepath=str(options.place / "best_{epoch:02d}.pt")),
        ],
        name="squares",
        run_dir=options.place / "runs",
        resume="auto",
    )
    yolo.train(
        data=str(data), epochs=options.epochs, imgsz=SIZE, batch=8, plots=False, project=str(options.place.resolve())
    )
    run = bridge.run
    if run is None:
        raise SystemExit("Ultralytics has not trained.")
    print(f"{run.reason}: {run.dir}")
    for epoch, value in enumerate(run.history["val/mAP50(B)"], start=1):
        print(f"epoch {epoch}: mAP50 {value:.3f}")


if __name__ == "__main__":
    main()

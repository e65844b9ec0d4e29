"""One training with Ultralytics' own integrations: ``python -m …integrated DATA MODEL PLACE``.

A process of its own, since Ultralytics switches them off where it finds pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ultralytics import YOLO
from ultralytics.utils import SETTINGS

from lineside.bridges.ultralytics import ultralytics
from lineside.callbacks.lambda_callback import LambdaCallback
from tests.frameworks.ultralytics.nms import stand_in

ON = {"tensorboard": True, "wandb": True, "comet": True, "platform": True}
OFF = {"mlflow": False, "clearml": False, "dvc": False, "raytune": False}


def main(data: str, model: str, place: Path) -> None:
    stand_in()
    before, file = dict(SETTINGS), Path(SETTINGS.file).read_bytes()
    yolo = YOLO(model)
    log = LambdaCallback(on_epoch_end=lambda run: run.log({"squares": 7.0 + run.epoch}))
    bridge = ultralytics(yolo, [log, "early-stopping"], run_dir=place / "runs", integrations={**ON, **OFF})
    yolo.train(
        data=data, epochs=2, imgsz=64, batch=4, device="cpu", plots=False, project=str(place / "theirs"), name="squares"
    )
    unchanged = dict(SETTINGS) == before and Path(SETTINGS.file).read_bytes() == file
    print(bridge.run.reason, "settings unchanged" if unchanged else "settings changed")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

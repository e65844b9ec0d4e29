"""A training with Lightning's own loggers, without a server: ``python -m …logged PLACE``."""

from __future__ import annotations

import sys
from pathlib import Path

from lightning.pytorch.loggers import CometLogger, TensorBoardLogger, WandbLogger

from lineside.bridges.lightning import lightning
from lineside.callbacks.lambda_callback import LambdaCallback
from tests.frameworks.lightning.line import fit


def main(place: Path) -> None:
    comet = CometLogger(offline_directory=str(place / "comet"))
    loggers = [
        TensorBoardLogger(place, name="", version="tensorboard"),
        WandbLogger(save_dir=place, offline=True),
        comet,
    ]
    ours = LambdaCallback(on_epoch_end=lambda run: run.log({"ours": 7.0 + run.epoch}))
    fit([lightning([ours, "early-stopping"], run_dir=place / "runs")], max_epochs=2, logger=loggers)
    comet.experiment.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

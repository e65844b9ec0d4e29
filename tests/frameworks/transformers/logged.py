"""A training with Hugging Face's own integrations, without a server: ``python -m …logged PLACE``."""

from __future__ import annotations

import sys
from pathlib import Path

import comet_ml

from lineside.bridges.transformers import transformers
from lineside.callbacks.lambda_callback import LambdaCallback
from tests.frameworks.transformers.line import trainer


def main(place: Path) -> None:
    ours = LambdaCallback(on_epoch_end=lambda run: run.log({"ours": 7.0 + run.epoch}))
    bridge = transformers([ours, "early-stopping"], run_dir=place / "runs")
    trainer(place, bridge, num_train_epochs=2, report_to=["tensorboard", "wandb", "comet_ml"]).train()
    experiment = comet_ml.get_running_experiment()
    if experiment is not None:
        experiment.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

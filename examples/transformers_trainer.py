"""Callbacks of Lineside in Hugging Face's trainer: ``python examples/transformers_trainer.py [RUN_DIR]``."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.nn import functional as F
from transformers import Trainer, TrainingArguments

from lineside.bridges.transformers import transformers


class Classifier(torch.nn.Module):
    """Tells whether four numbers add up to more than nothing; any model of the library takes its place."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
        """Return the loss and the logits."""
        logits = self.net(inputs)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def main(run_dir: str = "runs") -> None:
    """Train, or go on where an interrupted training stopped."""
    torch.manual_seed(0)
    data = [{"inputs": one, "labels": (one.sum() > 0).long()} for one in torch.randn(320, 4)]
    bridge = transformers(["early-stopping", "model-checkpoint"], name="sums", run_dir=run_dir, resume="auto")
    arguments = TrainingArguments(
        output_dir=f"{run_dir}/transformers",
        num_train_epochs=5,
        per_device_train_batch_size=32,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
    )
    Trainer(Classifier(), arguments, train_dataset=data, eval_dataset=data, callbacks=[bridge]).train()
    if bridge.run is not None:
        print(f"{bridge.run.reason}; the best: {bridge.run.checkpoints.best}; {bridge.run.dir}")


if __name__ == "__main__":
    main(*sys.argv[1:2])

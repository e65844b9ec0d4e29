"""The toy line as a model for Hugging Face's trainer; imports transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn import functional as F

from lineside.testing import toy


class Line(torch.nn.Module):
    """y = w x + b, which knows its own loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, inputs: Any, labels: Any = None) -> dict[str, Any]:
        outputs = self.layer(inputs)
        return {"logits": outputs} if labels is None else {"loss": F.mse_loss(outputs, labels), "logits": outputs}


class Points(torch.utils.data.Dataset[Any]):
    """The toy's points."""

    def __init__(self, points: toy.Points) -> None:
        self.points = points

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> dict[str, Any]:
        inputs, targets = self.points[index]
        return {"inputs": torch.tensor(inputs), "labels": torch.tensor(targets)}


class InOrder(transformers.Trainer):
    """Takes the points in their order, and keeps which batches it was trained with."""

    seen: list[tuple[int, float]]

    def _get_train_sampler(self, *_: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def training_step(self, model: Any, inputs: Any, *rest: Any, **options: Any) -> Any:
        self.seen = [*getattr(self, "seen", []), (self.state.global_step, inputs["inputs"].sum().item())]
        return super().training_step(model, inputs, *rest, **options)


def trainer(run_dir: Path, *callbacks: Any, model: Any = None, kind: Any = InOrder, **options: Any) -> Any:
    """Make a trainer of the toy with these arguments of `TrainingArguments`."""
    data = {"train_dataset": Points(toy.training_points()), "eval_dataset": Points(toy.validation_points())}
    data |= {name: options.pop(name) for name in list(options) if name in data}
    usual: dict[str, Any] = {
        "output_dir": str(run_dir / "transformers"),
        "num_train_epochs": toy.EPOCHS,
        "per_device_train_batch_size": toy.BATCH_SIZE,
        "per_device_eval_batch_size": toy.BATCH_SIZE,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
    }
    model = model or Line()
    return kind(
        model,
        transformers.TrainingArguments(**{**usual, **options}),
        optimizers=(torch.optim.SGD(model.parameters(), lr=toy.LEARNING_RATE), None),
        callbacks=list(callbacks),
        **data,
    )

"""Hugging Face's trainer runs the suite that every host runs."""

from __future__ import annotations

import pytest

transformers = pytest.importorskip(
    "transformers", reason="the bridge to Hugging Face needs transformers: pip install transformers accelerate"
)

import torch
from torch.nn import functional as F

from lineside.bridges.transformers import transformers as bridge
from lineside.events import Event
from lineside.testing import HostContract, toy

TESTS = {Event.TEST_START, Event.TEST_BATCH_START, Event.TEST_BATCH_END, Event.TEST_END}


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, inputs, labels=None):
        outputs = self.layer(inputs)
        return {"loss": F.mse_loss(outputs, labels), "logits": outputs}


class Points(torch.utils.data.Dataset):
    def __init__(self, points):
        self.points = points

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        inputs, targets = self.points[index]
        return {"inputs": torch.tensor(inputs), "labels": torch.tensor(targets)}


class InOrder(transformers.Trainer):
    def _get_train_sampler(self, *_):
        return torch.utils.data.SequentialSampler(self.train_dataset)


def trainer(callbacks, run_dir, epochs, **options):
    model = Line()
    arguments = transformers.TrainingArguments(
        output_dir=str(run_dir / "transformers"),
        num_train_epochs=epochs,
        per_device_train_batch_size=toy.BATCH_SIZE,
        per_device_eval_batch_size=toy.BATCH_SIZE,
        eval_strategy="epoch",
        save_strategy="no",
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    return InOrder(
        model,
        arguments,
        train_dataset=Points(toy.training_points()),
        eval_dataset=Points(toy.validation_points()),
        optimizers=(torch.optim.SGD(model.parameters(), lr=toy.LEARNING_RATE), None),
        callbacks=[bridge(callbacks, run_dir=run_dir, **options)],
    )


class TestTransformers(HostContract):
    lacking = frozenset({Event.EXPORT_START, Event.EXPORT_END, *TESTS})
    calls_in_a_batch = 5

    def fit(self, callbacks, *, epochs, run_dir, **options):
        trainer(callbacks, run_dir, epochs, **options).train()

    def predict(self, callbacks, *, run_dir, **options):
        one = trainer(callbacks, run_dir, 1, **options)
        one.predict(one.eval_dataset)

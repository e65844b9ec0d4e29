"""Lightning runs the suite that every host runs."""

from __future__ import annotations

import pytest

L = pytest.importorskip("lightning", reason="the bridge to Lightning needs lightning: pip install lightning")

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lineside.bridges.lightning import lightning
from lineside.testing import HostContract, toy


class Line(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, inputs):
        return self.layer(inputs)

    def training_step(self, batch, index):
        return F.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        outputs = self(batch[0])
        self.log("val_loss", F.mse_loss(outputs, batch[1]))
        return outputs

    def predict_step(self, batch, index):
        return self(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=toy.LEARNING_RATE)


def loader(points):
    inputs, targets = (torch.tensor(column) for column in zip(*points, strict=True))
    return DataLoader(TensorDataset(inputs, targets), batch_size=toy.BATCH_SIZE)


def trainer(bridge, **options):
    return L.Trainer(
        callbacks=[bridge],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **options,
    )


# Lightning stands on deprecated parts of torch, and advises about workers.
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore:.*:UserWarning:lightning")
class TestLightning(HostContract):
    calls_in_a_batch = 4

    def fit(self, callbacks, *, epochs, **options):
        bridge = lightning(callbacks, **options)
        trainer(bridge, max_epochs=epochs).fit(Line(), loader(toy.training_points()), loader(toy.validation_points()))

    def predict(self, callbacks, **options):
        trainer(lightning(callbacks, **options)).predict(Line(), loader(toy.validation_points()))

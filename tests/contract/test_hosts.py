"""The hosts that stand on PyTorch directly run the suite that the bridges run."""

from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lineside
from lineside.events import Event
from lineside.testing import HostContract, toy


def line() -> torch.nn.Linear:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    return model


def loader(points: toy.Points) -> DataLoader:
    inputs, targets = (torch.tensor(column) for column in zip(*points, strict=True))
    return DataLoader(TensorDataset(inputs, targets), batch_size=toy.BATCH_SIZE)


class TestTrainer(HostContract):
    lacking = frozenset()

    def make(self, callbacks, **options):
        model = line()
        optimizer = torch.optim.SGD(model.parameters(), lr=toy.LEARNING_RATE)
        return lineside.Trainer(model, optimizer, loss=F.mse_loss, callbacks=callbacks, device="cpu", **options)

    def fit(self, callbacks, *, epochs, resume=None, **options):
        trainer = self.make(callbacks, **options)
        trainer.fit(loader(toy.training_points()), loader(toy.validation_points()), epochs=epochs, resume=resume)

    def predict(self, callbacks, **options):
        self.make(callbacks, **options).predict(loader(toy.validation_points()))


class TestLoop(HostContract):
    lacking = frozenset({Event.EXPORT_START, Event.EXPORT_END})

    def fit(self, callbacks, *, epochs, **options):
        model = line()
        optimizer = torch.optim.SGD(model.parameters(), lr=toy.LEARNING_RATE)
        training, validation = loader(toy.training_points()), loader(toy.validation_points())
        with lineside.Run(model=model, optimizer=optimizer, callbacks=callbacks, **options) as run:
            for _ in run.epochs(epochs):
                for inputs, targets in run.batches(training):
                    loss = F.mse_loss(model(inputs), targets)
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    run.log({"loss": loss})
                with run.validation(), torch.no_grad():
                    for inputs, targets in run.batches(validation):
                        run.outputs = model(inputs)
                        run.log({"loss": F.mse_loss(run.outputs, targets)})

    def predict(self, callbacks, **options):
        model = line()
        with lineside.Run(model=model, callbacks=callbacks, **options) as run, run.evaluation("predict"):
            for inputs, _ in run.batches(loader(toy.validation_points())):
                run.outputs = model(inputs)

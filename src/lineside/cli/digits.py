"""The training of the demo: a small CNN, 1,797 scanned digits, and the callbacks that everybody uses first.

`train` is what a training script of your own looks like. The demo runs this module as a process of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lineside.callback import Callback
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.log_metrics import LogMetricsCallback
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.plot_training_curve import PlotTrainingCurveCallback
from lineside.callbacks.progress_bar import ProgressBar
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.callbacks.tensorboard import TensorBoard
from lineside.callbacks.terminate_on_nan import TerminateOnNaN
from lineside.callbacks.training_monitor import TrainingMonitor
from lineside.cli.outcome import Outcome
from lineside.errors import MissingDependency
from lineside.trainer import Trainer

try:
    from sklearn.datasets import load_digits
except ModuleNotFoundError as error:
    raise MissingDependency("lineside.cli.digits", "scikit-learn", "demo") from error

SEED = 0
VALIDATION = TEST = 300
BATCH = 64


class ShiftedDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits that are moved by up to one pixel, at random, whenever one is asked for.

    Args:
        images: of shape (number, 1, 8, 8), from 0 to 1.
        labels: of shape (number,).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._images = F.pad(images, (1, 1, 1, 1))
        self._labels = labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        down, right = torch.randint(3, (2,)).tolist()
        return self._images[index, :, down : down + 8, right : right + 8], self._labels[index]


class Loaders(NamedTuple):
    """Batches of ``(images, labels)``: images of shape (batch, 1, 8, 8), labels of shape (batch,)."""

    train: DataLoader[tuple[Tensor, Tensor]]
    val: DataLoader[tuple[Tensor, ...]]
    test: DataLoader[tuple[Tensor, ...]]


def loaders() -> Loaders:
    """Split the digits of scikit-learn, always in the same way: 1,197 to train, 300 to validate, 300 to test."""
    digits = load_digits()
    images = torch.as_tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.as_tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SEED))
    test, val, train = order[:TEST], order[TEST : TEST + VALIDATION], order[TEST + VALIDATION :]
    return Loaders(
        DataLoader(
            ShiftedDigits(images[train], labels[train]), BATCH, shuffle=True, num_workers=2, persistent_workers=True
        ),
        DataLoader(TensorDataset(images[val], labels[val]), batch_size=VALIDATION),
        DataLoader(TensorDataset(images[test], labels[test]), batch_size=TEST),
    )


def network() -> nn.Sequential:
    """Return the CNN: images of shape (batch, 1, 8, 8) in, logits of shape (batch, 10) out."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.4), nn.Linear(256, 10)),
    )


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of a batch that is classified rightly."""
    return (outputs.argmax(1) == targets).float().mean()


def callbacks() -> list[Callback]:
    """Return what stands beside the line."""
    return [
        ModelCheckpoint(monitor="val/loss", every="10 steps", keep_last=2),
        EarlyStopping(monitor="val/loss", patience=5, restore_best_weights=True),
        ReduceLROnPlateau(monitor="val/loss", factor=0.5, patience=3),
        TerminateOnNaN(),
        TrainingMonitor(),
        ProgressBar(),
        LogMetricsCallback(),
        PlotTrainingCurveCallback(every="10 epochs"),
        TensorBoard(),
    ]


def train(run_dir: Path, project: str, name: str, epochs: int, *, resume: bool = False) -> Outcome:
    """Train, or go on where an earlier process was killed, and look at the test digits.

    Args:
        run_dir: where runs lie.
        project: of the run.
        name: of the run.
        epochs: how many there are at most.
        resume: whether to go on with the newest run of this name that did not end.
    """
    torch.set_num_threads(1)  # the network is too small to be shared, and the two workers need a core as well
    torch.manual_seed(SEED)
    data, model = loaders(), network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    trainer = Trainer(
        model,
        optimizer,
        loss=F.cross_entropy,
        metrics={"accuracy": accuracy},
        callbacks=callbacks(),
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.98),
        device="cpu",  # where sums are added up in one order, so that bits can be compared
        seed=SEED,
        project=project,
        name=name,
        run_dir=run_dir,
        hparams={"batch": BATCH, "lr": 0.02, "momentum": 0.9, "weight_decay": 1e-4, "dropout": 0.4},
    )
    result = trainer.fit(data.train, data.val, epochs, resume="auto" if resume else None)
    right = round(trainer.test(data.test)["test/accuracy"] * TEST)
    return Outcome.of(result, model, tested=TEST, right=right)


def main() -> None:
    """Train as the arguments say, and write the outcome for whoever started this process."""
    parser = argparse.ArgumentParser(prog="python -m lineside.cli.digits", description=__doc__)
    parser.add_argument("run_dir", type=Path, help="where runs lie")
    parser.add_argument("project", help="of the run")
    parser.add_argument("name", help="of the run")
    parser.add_argument("epochs", type=int, help="how many there are at most")
    parser.add_argument("outcome", type=Path, help="the file that the outcome is written to, as JSON")
    parser.add_argument("--resume", action="store_true", help="go on with the newest run of this name that did not end")
    given = parser.parse_args()
    train(given.run_dir, given.project, given.name, given.epochs, resume=given.resume).write(given.outcome)


if __name__ == "__main__":
    main()

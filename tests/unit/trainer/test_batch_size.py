"""The batch size finder in real trainings: it finds the limit of a memory, and leaves no trace."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lineside
from lineside.backends.torch import memory
from lineside.callbacks.batch_size_finder import BatchSizeFinder
from lineside.callbacks.lambda_callback import LambdaCallback
from tests.unit.trainer.toys import accuracy, loader, points

FITS = 11


class Full(nn.Module):
    """Runs out of memory on batches of more than 11 samples, in the forward or in the backward pass."""

    def __init__(self, where: str = "forward") -> None:
        super().__init__()
        self.where = where

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > FITS and self.where == "forward":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if len(x) > FITS and x.requires_grad:
            x.register_hook(self.fail)
        return x

    @staticmethod
    def fail(_: torch.Tensor) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")


def model(where: str = "forward") -> nn.Module:
    """A model whose buffers, generators and gradients all change in a step."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), Full(where), nn.Dropout(0.3), nn.Linear(8, 2))


class Count:
    """A metric object that counts."""

    def __init__(self) -> None:
        self.seen = 0

    def update(self, outputs: Any, targets: Any) -> None:
        self.seen += len(targets)

    def compute(self) -> float:
        return float(self.seen)

    def reset(self) -> None:
        self.seen = 0

    def state_dict(self) -> dict[str, int]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]


def trained(
    tmp_path: Path, *callbacks: Any, where: str = "forward", data: Any = None, **options: Any
) -> tuple[nn.Module, torch.optim.Optimizer, dict[str, list[float]]]:
    """Train for two epochs with everything that has a state, and return what came of it."""
    net = model(where)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=20)
    trainer = lineside.Trainer(
        net,
        optimizer,
        F.cross_entropy,
        metrics={"accuracy": accuracy, "count": Count()},
        callbacks=callbacks,
        scheduler=scheduler,
        run_dir=tmp_path,
        device="cpu",
        **options,
    )
    history = trainer.fit(data if data is not None else loader(shuffle=True), epochs=2).history
    history.pop("time/epoch", None)
    return net, optimizer, history


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking through the whole memory takes a tenth of a second, and has a test of its own."""
    monkeypatch.setattr(memory, "gc", SimpleNamespace(collect=int))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


# ---- without a trace ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("forward", {}),
        ("backward", {"accumulate": 3}),
        ("backward", {"precision": "fp16", "clip_norm": 0.1}),
    ],
)
def test_training_goes_on_bit_for_bit_as_without_it(where: str, options: dict[str, Any], tmp_path: Path) -> None:
    finder = BatchSizeFinder(mode="binsearch", margin=0.0, on_error="raise")
    with_it = trained(tmp_path, finder, where=where, **options)
    without = trained(tmp_path, where=where, **options)
    assert finder.optimal_batch_size == FITS
    assert same(with_it[0].state_dict(), without[0].state_dict())
    assert same(with_it[1].state_dict(), without[1].state_dict())
    found = {name: with_it[2].pop(name) for name in list(with_it[2]) if name.startswith("system/")}
    assert same(with_it[2], without[2])
    assert found == {}


def test_memory_that_ends_in_the_optimizer_is_survived_in_fp16(tmp_path: Path) -> None:
    class Adam(torch.optim.Adam):
        broken = True

        def step(self, closure: Any = None) -> None:
            if self.broken:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            super().step(closure)

    net = nn.Linear(4, 2)
    optimizer = Adam(net.parameters())
    finder = BatchSizeFinder(on_error="raise", then="stop")
    trainer = lineside.Trainer(
        net, optimizer, F.cross_entropy, callbacks=[finder], precision="fp16", clip_norm=1.0, run_dir=tmp_path,
        device="cpu",
    )  # fmt: skip
    trainer.fit(loader(), epochs=1)
    assert finder.optimal_batch_size is None
    optimizer.broken = False
    trainer.callbacks.clear()
    assert trainer.fit(loader(), epochs=1).reason == "the one epoch is done"


def test_it_can_look_and_leave_the_model_as_it_is(tmp_path: Path) -> None:
    net = model()
    before = copy.deepcopy(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters())
    finder = BatchSizeFinder(then="stop", margin=0.0)
    trainer = lineside.Trainer(net, optimizer, F.cross_entropy, callbacks=[finder], run_dir=tmp_path, device="cpu")
    result = trainer.fit(loader(), epochs=5)
    assert (finder.optimal_batch_size, result.reason) == (8, "batch-size-finder has looked for a batch size")
    assert same(net.state_dict(), before)
    assert not optimizer.state
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not (result.run / "trials").exists()
    again = DataLoader(points(), batch_size=finder.optimal_batch_size)
    trainer.remove_callback(finder)
    assert trainer.fit(again, epochs=1).reason == "the one epoch is done"


def test_gradients_that_were_there_are_there_afterwards(tmp_path: Path) -> None:
    seen: list[Any] = []
    net = model()
    kept = {name: torch.full_like(parameter, 2.0) for name, parameter in net.named_parameters()}
    for name, parameter in net.named_parameters():
        parameter.grad = kept[name]

    class Look(lineside.Callback):
        def on_epoch_start(self, run: lineside.RunView) -> None:
            seen.extend((parameter.grad, parameter.grad.clone()) for parameter in net.parameters())

    trainer = lineside.Trainer(
        net, torch.optim.SGD(net.parameters(), 0.1), F.cross_entropy, callbacks=[BatchSizeFinder(), Look()],
        run_dir=tmp_path, device="cpu",
    )  # fmt: skip
    trainer.fit(loader(), epochs=1)
    assert [id(gradient) for gradient, _ in seen] == [id(gradient) for gradient in kept.values()]
    assert all(bool((value == 2.0).all()) for _, value in seen)


# ---- steps of one's own ---------------------------------------------------------------------------------------------


def test_what_a_step_of_ones_own_says_meanwhile_is_heard_by_nobody(tmp_path: Path) -> None:
    sizes: list[int] = []
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def step(module: Any, batch: Any, run: Any) -> None:
        x, y = batch
        sizes.append(len(x))
        loss = F.cross_entropy(module(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"loss": loss, "size": len(x)})
        if len(x) != 10:
            run.stop("a batch of an odd size")

    finder = BatchSizeFinder(max_val=40, margin=0.0, on_error="raise")
    trainer = lineside.Trainer(net, optimizer, step=step, callbacks=[finder], run_dir=tmp_path, device="cpu")
    result = trainer.fit(loader(), epochs=1)
    assert finder.optimal_batch_size == 32
    assert sorted(set(sizes)) == [2, 4, 8, 10, 16, 32]
    assert sizes.count(32) == 3
    assert result.reason == "the one epoch is done"
    assert result.history["train/size"] == [10.0]


def test_another_error_than_a_full_memory_is_told_and_taken_back(tmp_path: Path) -> None:
    net = model()

    def step(module: Any, batch: Any, run: Any) -> Any:
        if len(batch[0]) == 4:
            raise ValueError("four")
        return F.cross_entropy(module(batch[0]), batch[1])

    trainer = lineside.Trainer(
        net, torch.optim.SGD(net.parameters(), 0.1), step=step, callbacks=[BatchSizeFinder()], run_dir=tmp_path,
        device="cpu",
    )  # fmt: skip
    before = copy.deepcopy(net.state_dict())
    seen: list[bool] = []
    trainer.add_callback(LambdaCallback(on_epoch_start=lambda run: seen.append(same(net.state_dict(), before))))
    assert trainer.fit(loader(), epochs=1).reason == "the one epoch is done"
    assert seen == [True]


# ---- data -----------------------------------------------------------------------------------------------------------


def test_an_iterator_is_left_alone(tmp_path: Path) -> None:
    finder = BatchSizeFinder(on_error="raise")
    batches = iter([(torch.zeros(4, 4), torch.zeros(4, dtype=torch.long))] * 3)
    net = model()
    trainer = lineside.Trainer(
        net, torch.optim.SGD(net.parameters(), 0.1), F.cross_entropy, callbacks=[finder], run_dir=tmp_path,
        device="cpu",
    )  # fmt: skip
    assert len(trainer.fit(batches, epochs=1).history["train/loss"]) == 1
    assert finder.optimal_batch_size is None


def test_data_without_a_batch_is_named(tmp_path: Path) -> None:
    net = model()
    said: list[str] = []
    trainer = lineside.Trainer(
        net, torch.optim.SGD(net.parameters(), 0.1), F.cross_entropy,
        callbacks=[BatchSizeFinder(then="stop"), LambdaCallback(on_alert=lambda run, alert: said.append(alert.text))],
        run_dir=tmp_path, device="cpu",
    )  # fmt: skip
    trainer.fit([], epochs=1)
    assert said == ["The training data is empty: there is no batch to try."]


class Drawing(Dataset[Any]):
    """Draws from the generators of the process for every sample."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        return torch.randn(4), index % 2


class Placed:
    """A loader that keeps its own place, as torchdata's does."""

    def __init__(self) -> None:
        self.place = 0
        self.given: list[int] = []

    def __iter__(self) -> Any:
        while self.place < 4:
            self.place += 1
            self.given.append(self.place)
            yield torch.full((5, 4), float(self.place)), torch.zeros(5, dtype=torch.long)
        self.place = 0

    def __len__(self) -> int:
        return 4

    def state_dict(self) -> dict[str, int]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.place = state["place"]


def test_data_that_draws_random_numbers_gives_the_same_batches(tmp_path: Path) -> None:
    data = DataLoader(Drawing(), batch_size=10, shuffle=True)
    with_it = trained(tmp_path, BatchSizeFinder(on_error="raise"), data=data)
    without = trained(tmp_path, data=data)
    assert same(with_it[0].state_dict(), without[0].state_dict())


def test_a_loader_that_keeps_its_place_is_where_it_was(tmp_path: Path) -> None:
    data = Placed()
    trained(tmp_path, BatchSizeFinder(on_error="raise"), data=data)
    assert data.given == [1, *range(1, 5), *range(1, 5)]


def test_a_batch_need_not_be_larger_than_the_data(tmp_path: Path) -> None:
    finder = BatchSizeFinder(then="stop", margin=0.0, on_error="raise")
    net = nn.Linear(4, 2)
    trainer = lineside.Trainer(
        net, torch.optim.SGD(net.parameters(), 0.1), F.cross_entropy, callbacks=[finder], run_dir=tmp_path,
        device="cpu",
    )  # fmt: skip
    trainer.fit(DataLoader(TensorDataset(torch.zeros(40, 4), torch.zeros(40, dtype=torch.long)), 10), epochs=1)
    assert finder.optimal_batch_size == 32


# ---- a memory that is really full -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits its own address space")
def test_a_process_that_runs_out_of_memory_survives(tmp_path: Path) -> None:
    # Each sample takes 8 MB in the first layer's output, 8 MB more in its gradient, and there are 256 MB.
    code = f"""
import resource, torch
from torch import nn
import lineside
from lineside.backends.torch import memory
from lineside.callbacks.batch_size_finder import BatchSizeFinder
from lineside.callbacks.lambda_callback import LambdaCallback

model = nn.Sequential(nn.Linear(1, 2**21, bias=False), nn.Linear(2**21, 1, bias=False))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
data = [(torch.ones(2, 1), torch.ones(2, 1))] * 40
finder = BatchSizeFinder(then="stop", steps_per_trial=1, margin=0.0, on_error="raise")
trainer = lineside.Trainer(
    model, optimizer, nn.functional.mse_loss, callbacks=[finder], run_dir={str(tmp_path)!r}, device="cpu"
)
model(data[0][0]).sum().backward()
optimizer.zero_grad()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28,) * 2)
print(trainer.fit(data, epochs=1).reason)
print(finder.optimal_batch_size)
"""
    environment = {"LINESIDE_ADVICE": "off", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    reason, size = done.stdout.splitlines()
    assert reason == "batch-size-finder has looked for a batch size"
    assert 2 <= int(size) <= 16

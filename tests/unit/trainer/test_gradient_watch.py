"""GradientWatch in real trainings: the norms are those with which the optimizer steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, IterableDataset

import lineside
from lineside.callbacks.gradient_watch import GradientWatch
from lineside.store import RunReader
from tests.unit.trainer.toys import loader, net, points

Looks = dict[int, dict[str, float]]


def looks_of(directory: Path, kind: str = "gradients") -> Looks:
    """Return what was logged, by step and layer."""
    looks: Looks = {}
    prefix = f"batch/{kind}/"
    with RunReader.open(directory) as reader:
        for metric in reader.metric_names():
            for point in reader.series(metric) if metric.startswith(prefix) else ():
                looks.setdefault(point.step, {})[metric.removeprefix(prefix)] = point.value
    return looks


def alerts_of(directory: Path) -> list[Any]:
    with RunReader.open(directory) as reader:
        return [event.data for event in reader.events("alert")]


def bare(model: nn.Module, optimizer: Any, accumulate: int = 1, epochs: int = 1) -> tuple[Looks, Looks]:
    """Train without Lineside; return the norms of gradients, and the ratios of updates, at each step."""
    norms: Looks = {}
    ratios: Looks = {}
    for _ in range(epochs):
        batches = list(loader())
        for number, (inputs, targets) in enumerate(batches, start=1):
            (F.cross_entropy(model(inputs), targets) / accumulate).backward()
            if number % accumulate and number != len(batches):
                continue
            step = len(norms) + 1
            before = {name: p.detach().clone() for name, p in model.named_parameters()}
            norms[step] = joined({name: p.grad for name, p in model.named_parameters()})
            optimizer.step()
            optimizer.zero_grad()
            weights = joined(dict(model.named_parameters()))
            changes = joined({name: p - before[name] for name, p in model.named_parameters()})
            ratios[step] = {name: changes[name] / weights[name] for name in weights}
    return norms, ratios


def joined(tensors: dict[str, Any]) -> dict[str, float]:
    """Return the norms of the two layers of `net`, and of both."""
    layers = {layer: [t for name, t in tensors.items() if name.startswith(layer)] for layer in ("0", "2")}
    layers["total"] = list(tensors.values())
    return {name: float(torch.cat([t.detach().flatten() for t in part]).norm()) for name, part in layers.items()}


def close(one: Looks, other: Looks, rel: float = 1e-5) -> bool:
    return one == {step: pytest.approx(values, rel=rel) for step, values in other.items()}


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("make_optimizer", [SGD, Adam])
def test_norms_and_ratios_are_those_of_a_bare_loop(make: Any, accumulate: int, make_optimizer: Any) -> None:
    model, other = net(), net()
    norms, ratios = bare(other, make_optimizer(other.parameters(), lr=0.05), accumulate, epochs=2)
    result = make(
        model,
        optimizer=make_optimizer(model.parameters(), lr=0.05),
        accumulate=accumulate,
        callbacks=[GradientWatch("1 step")],
    ).fit(loader(), epochs=2)
    assert len(norms) == (8 if accumulate == 1 else 4)
    assert close(looks_of(result.run), norms)
    assert close(looks_of(result.run, "update_ratio"), ratios)


def test_they_are_what_gradients_were_before_they_were_clipped(make: Any) -> None:
    """From the second step on the weights of a training that clips are others."""
    norms, _ = bare(other := net(), SGD(other.parameters(), lr=0.1))
    result = make(clip_norm=1e-3, callbacks=[GradientWatch("100 steps")]).fit(loader(), epochs=1)
    assert close(looks_of(result.run), {1: norms[1]})


@pytest.mark.parametrize("clip_norm", [None, 1e3])
def test_the_scale_of_fp16_is_not_in_them(make: Any, clip_norm: float | None) -> None:
    class Scale(lineside.Callback):
        scale = 0.0

        def on_batch_start(self, run: lineside.RunView) -> None:
            self.scale = trainer._optimization.scaler.get_scale()

    plain = make(callbacks=[GradientWatch("1 step")]).fit(loader(), epochs=1)
    trainer = make(precision="fp16", clip_norm=clip_norm, callbacks=[GradientWatch("1 step"), scale := Scale()])
    result = trainer.fit(loader(), epochs=1)
    assert scale.scale > 1000.0, "or there is nothing to be taken off"
    assert close(looks_of(result.run), looks_of(plain.run), rel=0.05)


class Stream(IterableDataset[Any]):
    """25 points, whose number nobody can tell beforehand."""

    def __iter__(self) -> Any:
        return iter(list(points(25)))


def test_nor_in_those_of_the_last_step_of_data_without_a_length(make: Any) -> None:
    """The step comes behind the last batch, when it is known that there is no other."""
    totals = {}
    for precision in ("32", "fp16"):
        trainer = make(precision=precision, accumulate=2, callbacks=[GradientWatch("1 step"), last := Last()])
        trainer.fit(DataLoader(Stream(), batch_size=10), epochs=1)
        totals[precision] = last.total
    assert totals["fp16"] == pytest.approx(totals["32"], rel=0.05)


class Last(lineside.Callback):
    """Keeps the total of the second step, which is taken outside of a batch: its values are those of the epoch."""

    on_error = "raise"

    def on_step_end(self, run: lineside.RunView) -> None:
        if run.step == 2:
            self.total = run.metrics["gradients/total"]


def test_a_layer_whose_gradient_is_not_a_number_is_named_before_the_loss_is_lost(make: Any) -> None:
    class Root(nn.Module):
        """The gradient of a root at zero is no number, and the loss is finite all the same."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.sqrt((x - x.detach()) ** 2)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), Root(), nn.Linear(8, 2))
    losses: list[float] = []

    class Losses(lineside.Callback):
        def on_batch_end(self, run: lineside.RunView) -> None:
            losses.append(run.batch_metrics["train/loss"])

    result = make(model, callbacks=[GradientWatch("1 step"), Losses()]).fit(loader(), epochs=1)
    alert = alerts_of(result.run)[0]
    assert (alert["title"], alert["author"]) == ("Gradients are not finite: 0", "gradient-watch")
    assert "Step 1, 1/2 layers: 0 nan. Nearest to the output is 0" in alert["text"]
    assert math.isfinite(losses[0])
    assert not math.isfinite(losses[1])


def test_a_step_that_fp16_skips_is_no_alert(make: Any) -> None:
    """The scale begins far too high, as it does by design, and is halved until no gradient is infinite."""
    trainer = make(precision="fp16", callbacks=[GradientWatch("1 step"), steps := Steps()])
    trainer._optimization.scaler.load_state_dict(trainer._optimization.scaler.state_dict() | {"scale": 2.0**40})
    result = trainer.fit(loader(400), epochs=1)
    assert 0 < steps.count < 40
    assert len(looks_of(result.run)) == steps.count
    assert not alerts_of(result.run)


class Steps(lineside.Callback):
    """Counts the steps that were taken."""

    count = 0

    def on_step_end(self, run: lineside.RunView) -> None:
        self.count += 1


def test_a_hand_written_loop_is_watched_alike(tmp_path: Path) -> None:
    model, other = net(), net()
    optimizer = SGD(model.parameters(), lr=0.1)
    norms, _ = bare(other, SGD(other.parameters(), lr=0.1))
    with lineside.Run(
        model=model, optimizer=optimizer, callbacks=[GradientWatch("1 step")], run_dir=tmp_path, seed=None
    ) as run:
        for _ in run.epochs(1):
            for inputs, targets in run.batches(loader()):
                optimizer.zero_grad()
                F.cross_entropy(model(inputs), targets).backward()
                optimizer.step()
    assert close(looks_of(run.dir), norms)


def test_training_ends_with_the_same_weights_as_without_it(make: Any) -> None:
    watched, alone = net(), net()
    make(watched, callbacks=[GradientWatch("1 step")]).fit(loader(), epochs=1)
    make(alone).fit(loader(), epochs=1)
    assert all(torch.equal(one, two) for one, two in zip(watched.parameters(), alone.parameters(), strict=True))

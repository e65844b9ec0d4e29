from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

import lineside
from lineside.callback import every
from lineside.testing.trace import TraceRecorder
from tests.unit.trainer.toys import Probe, accuracy, loader, net, points


def test_fit_returns_history_checkpoints_reason_and_directory(make: Any) -> None:
    result = make(metrics={"accuracy": accuracy}, callbacks=["model-checkpoint"]).fit(loader(), loader(), epochs=2)
    assert {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr"} <= set(result.history)
    assert [len(values) for values in result.history.values()] == [2] * len(result.history)
    assert result.best is not None
    assert result.last is not None
    assert result.last.step == 8
    assert result.reason == "all 2 epochs are done"
    assert (result.run / "run.json").is_file()


def test_the_weights_are_those_of_a_bare_loop(make: Any) -> None:
    model = net()
    make(model, seed=None).fit(loader(), epochs=2)
    bare = net()
    optimizer = torch.optim.SGD(bare.parameters(), lr=0.1)
    for _ in range(2):
        for inputs, targets in loader():
            optimizer.zero_grad()
            F.cross_entropy(bare(inputs), targets).backward()
            optimizer.step()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), bare.parameters(), strict=True))


def test_history_is_weighted_by_samples(make: Any) -> None:
    """A last batch of one sample counts as one sample, not as a batch."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    result = make(model, optimizer=optimizer).fit(loader(41), loader(41), epochs=1)
    inputs, targets = points(41).tensors
    assert result.history["val/loss"][0] == pytest.approx(F.cross_entropy(model(inputs), targets).item(), rel=1e-6)
    assert result.history["train/loss"][0] == pytest.approx(result.history["val/loss"][0], rel=1e-6)


def test_accumulation_steps_every_so_many_batches_and_at_the_end_of_an_epoch(make: Any) -> None:
    probe = Probe()
    make(callbacks=[probe], accumulate=3).fit(loader(), epochs=2)
    assert probe.steps == [0, 0, 1, 2, 2, 2, 3, 4]


def test_accumulated_gradients_are_those_of_the_whole_batch(make: Any) -> None:
    small, large = net(), net()
    make(small, accumulate=4, seed=None).fit(loader(batch=10), epochs=1)
    make(large, seed=None).fit(loader(batch=40), epochs=1)
    for one, other in zip(small.parameters(), large.parameters(), strict=True):
        torch.testing.assert_close(one, other)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(list(points(25)))


def test_data_without_a_length_is_trained_to_its_last_batch(make: Any) -> None:
    probe = Probe()
    make(callbacks=[probe], accumulate=2).fit((batch for batch in DataLoader(Stream(), batch_size=10)), epochs=1)
    assert probe.steps == [0, 1, 1]
    result = make(callbacks=[probe], accumulate=2).fit(DataLoader(Stream(), batch_size=10), epochs=2)
    assert result.last is not None
    assert result.last.step == 4


def test_steps_end_the_training_in_the_middle_of_an_epoch(make: Any) -> None:
    result = make().fit(loader(), loader(), steps=6)
    assert result.reason == "all 6 steps are done"
    assert len(result.history["val/loss"]) == 2


def test_clipping_limits_the_norm_of_all_gradients(make: Any) -> None:
    class Norm(lineside.Callback):
        on_error = "raise"
        worst = 0.0

        def on_step_end(self, run: lineside.RunView) -> None:
            before, after = self.weights, torch.cat([p.detach().flatten() for _, p in run.model.parameters()])
            self.worst = max(self.worst, float((before - after).norm()))

        def on_batch_start(self, run: lineside.RunView) -> None:
            self.weights = torch.cat([p.detach().flatten() for _, p in run.model.parameters()])

    norm = Norm()
    model = net()
    make(model, optimizer=torch.optim.SGD(model.parameters(), lr=1.0), clip_norm=0.01, callbacks=[norm]).fit(
        loader(), epochs=1
    )
    assert 0.0 < norm.worst <= 0.01 + 1e-5


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_runs_forward_in_low_precision_and_keeps_full_weights(make: Any, precision: str) -> None:
    class Outputs(lineside.Callback):
        on_error = "raise"

        def on_batch_end(self, run: lineside.RunView) -> None:
            self.dtype = run.outputs.dtype

    outputs = Outputs()
    model = net()
    result = make(model, precision=precision, callbacks=[outputs]).fit(loader(), loader(), epochs=2)
    assert outputs.dtype is (torch.bfloat16 if precision == "bf16" else torch.float16)
    assert all(parameter.dtype is torch.float32 for parameter in model.parameters())
    assert result.history["val/loss"][1] < result.history["val/loss"][0]


def test_a_step_that_mixed_precision_skips_is_no_step_but_a_safe_point(make: Any) -> None:
    class Save(lineside.Callback):
        on_error = "raise"

        def on_batch_end(self, run: lineside.RunView) -> None:
            if run.batch == 0:
                run.save("asked")

    def explode(model: nn.Module, batch: Any, run: Any) -> torch.Tensor:
        return model(batch[0]).mean() * (float("inf") if run.batch == 0 else 1.0)

    probe, trace = Probe(), TraceRecorder()
    make(step=explode, precision="fp16", callbacks=[probe, Save(), trace]).fit(loader(), epochs=1)
    assert probe.steps == [0, 1, 2, 3]
    assert trace.events.count("on_step_end") == 3
    saved = next(sighting for sighting in trace.trace if sighting.event.hook == "on_checkpoint")
    assert (saved.step, saved.batch) == (0, 0)


def test_any_structure_of_batch_goes_to_a_step_of_ones_own(make: Any) -> None:
    def collate(samples: list[Any]) -> dict[str, Any]:
        inputs, targets = zip(*samples, strict=True)
        return {"features": {"x": torch.stack(inputs)}, "labels": [torch.stack(targets)]}

    def step(model: nn.Module, batch: Any, run: Any) -> dict[str, Any]:
        outputs = model(batch["features"]["x"])
        loss = F.cross_entropy(outputs, batch["labels"][0])
        return {"loss": loss, "outputs": outputs, "targets": batch["labels"][0], "twice": 2 * loss.detach()}

    result = make(step=step, metrics={"accuracy": accuracy}).fit(
        loader(collate_fn=collate), loader(collate_fn=collate), epochs=2
    )
    assert result.history["train/twice"] == pytest.approx([2 * loss for loss in result.history["train/loss"]])
    assert set(result.history) == {
        *("train/loss", "train/twice", "train/accuracy", "val/loss", "val/twice", "val/accuracy", "lr"),
    }


def test_several_optimizers_step_inside_a_step_of_ones_own(tmp_path: Path) -> None:
    models = {"generator": nn.Linear(2, 4), "critic": nn.Linear(4, 1)}
    optimizers = {name: torch.optim.SGD(model.parameters(), lr=0.1) for name, model in models.items()}

    def step(model: Any, batch: Any, run: Any) -> dict[str, Any]:
        optimizers["critic"].zero_grad()
        critic = (
            model["critic"](batch[0]).mean() - model["critic"](model["generator"](torch.ones(3, 2)).detach()).mean()
        )
        critic.backward()
        optimizers["critic"].step()
        optimizers["generator"].zero_grad()
        generator = -model["critic"](model["generator"](torch.ones(3, 2))).mean()
        generator.backward()
        optimizers["generator"].step()
        return {"critic": critic.detach(), "generator": generator.detach()}

    probe = TraceRecorder()
    trainer = lineside.Trainer(models, optimizers, step=step, device="cpu", run_dir=tmp_path, callbacks=[probe])
    result = trainer.fit(loader(), epochs=2, resume="auto")
    assert result.last is not None
    assert result.last.step == 8, "two optimizers in one batch are one step"
    assert set(result.history) == {"train/critic", "train/generator", "lr", "lr/generator.0", "lr/critic.0"}


def test_torchmetrics_objects_count_over_the_epoch(make: Any) -> None:
    torchmetrics = pytest.importorskip("torchmetrics")
    metric = torchmetrics.classification.MulticlassAccuracy(num_classes=2, average="micro")
    model = net()
    trainer = make(model, metrics={"accuracy": metric})
    result = trainer.fit(loader(41), loader(41), epochs=2)
    inputs, targets = points(41).tensors
    right = (model(inputs).argmax(1) == targets).float().mean().item()
    assert result.history["val/accuracy"][-1] == pytest.approx(right)
    assert trainer.validate(loader(41))["val/accuracy"] == pytest.approx(right)
    assert len(result.history["train/accuracy"]) == 2


def test_schedulers_step_each_epoch_or_each_step(make: Any) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halving = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    assert make(model, optimizer=optimizer, scheduler=halving).fit(loader(), epochs=3).history["lr"] == [1.0, 0.5, 0.25]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halving = torch.optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)
    history = make(model, optimizer=optimizer, scheduler=(halving, "step")).fit(loader(), epochs=3).history
    assert history["lr"] == [0.5, 0.25, 0.125]


def test_validation_within_epochs(make: Any) -> None:
    trace = TraceRecorder()
    result = make(callbacks=[trace]).fit(loader(), loader(), epochs=2, validate_every="3 steps")
    assert len(result.history["val/loss"]) == 2
    assert [sighting.step for sighting in trace.trace if sighting.event.hook == "on_val_start"] == [3, 6]


def test_validation_every_second_epoch(make: Any) -> None:
    result = make().fit(loader(), loader(), epochs=5, validate_every="2 epochs")
    assert len(result.history["val/loss"]) == 2
    assert len(result.history["train/loss"]) == 5


def test_a_callback_may_ask_for_a_validation(make: Any) -> None:
    class Ask(lineside.Callback):
        on_error = "raise"

        @every("3 steps")
        def on_step_end(self, run: lineside.RunView) -> None:
            run.validate("curious")

    trace = TraceRecorder()
    make(callbacks=[Ask(), trace]).fit(loader(), loader(), epochs=1)
    assert [sighting.step for sighting in trace.trace if sighting.event.hook == "on_val_end"] == [3, 4]

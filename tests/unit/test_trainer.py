from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import lineside
from lineside.callback import Hook, every
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import AttachError, OptionError, RunStateError
from lineside.events import Event
from lineside.testing.trace import TraceRecorder


def points(size: int = 40, seed: int = 0) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 4, generator=generator)
    return TensorDataset(inputs, (inputs.sum(1) > 0).long())


def loader(size: int = 40, batch: int = 10, **options: Any) -> DataLoader[Any]:
    return DataLoader(points(size), batch_size=batch, **options)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (outputs.argmax(1) == targets).float().mean()


class Probe(lineside.Callback):
    """Keeps what a test wants to look at."""

    def __init__(self) -> None:
        super().__init__(on_error="raise")
        self.steps: list[int] = []
        self.losses: list[float] = []

    def on_batch_end(self, run: lineside.RunView) -> None:
        self.steps.append(run.step)
        self.losses.append(float(run.loss))


@pytest.fixture
def make(tmp_path: Path) -> Any:
    def trainer(model: nn.Module | None = None, **options: Any) -> lineside.Trainer:
        model = model or net()
        optimizer = options.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=0.1)
        if "step" not in options:
            options.setdefault("loss", F.cross_entropy)
        return lineside.Trainer(model, optimizer, run_dir=tmp_path, **{"device": "cpu", **options})

    return trainer


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


def test_smoke_runs_a_few_batches_of_everything(make: Any) -> None:
    trace = TraceRecorder()
    result = make(callbacks=[trace, "model-checkpoint"]).fit(loader(400), loader(400), epochs=50, smoke=True)
    events = trace.events
    assert events.count("on_batch_end") == 6
    assert events.count("on_val_batch_end") == 6
    assert "on_checkpoint" in events
    assert len(result.history["val/loss"]) == 2


def test_validate_test_and_predict_after_a_fit_belong_to_its_run(make: Any) -> None:
    trace = TraceRecorder()
    model = net()
    trainer = make(model, metrics={"accuracy": accuracy}, callbacks=[trace])
    result = trainer.fit(loader(), epochs=1)
    metrics = trainer.test(loader())
    assert set(metrics) == {"test/loss", "test/accuracy"}
    outputs = trainer.predict(loader())
    torch.testing.assert_close(outputs, model(points().tensors[0]).detach())
    assert trace.events.count("on_predict_batch_end") == 4
    assert len(list(result.run.parent.iterdir())) == 1, "all in one run directory"
    assert '"status": "completed"' in (result.run / "run.json").read_text()


def test_evaluation_leaves_every_layer_in_its_own_mode(make: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))

    class Freeze(lineside.Callback):
        on_error = "raise"

        def on_train_start(self, run: lineside.RunView) -> None:
            run.model.module[1].eval()

        def on_val_batch_end(self, run: lineside.RunView) -> None:
            assert not run.model.module.training

        def on_epoch_end(self, run: lineside.RunView) -> None:
            assert run.model.module.training
            assert not run.model.module[1].training

    make(model, callbacks=[Freeze()]).fit(loader(), loader(), epochs=2)


def test_an_export_is_loaded_without_the_class_and_takes_any_batch(make: Any, tmp_path: Path) -> None:
    model = net()
    trainer = make(model)
    trainer.fit(loader(), epochs=1)
    path = trainer.export(tmp_path / "model.pt2")
    loaded = torch.export.load(path).module()
    inputs = torch.randn(7, 4)
    torch.testing.assert_close(loaded(inputs), model(inputs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp61"}, "Did you mean 'fp16'"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"device": "cuda:99"}, "device='cuda:99'"),
        ({"metrics": {"accuracy": 3}}, "metrics\\['accuracy'\\]"),
        ({"loss": None}, "either loss=.* or step="),
        ({"scheduler": object()}, "scheduler="),
    ],
)
def test_wrong_options_are_refused_at_construction(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(**options)


def test_torchs_plateau_scheduler_is_refused_with_the_way_out(make: Any) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(OptionError, match="reduce-lr-on-plateau"):
        make(model, optimizer=optimizer, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer))


def test_exporting_another_format_or_without_data_is_refused(make: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="example="):
        make().export(tmp_path / "model.pt2")
    with pytest.raises(OptionError, match=r"\.pt2"):
        make().export(tmp_path / "model.onnx", example=torch.randn(2, 4))


def test_fit_needs_an_end(make: Any) -> None:
    with pytest.raises(OptionError, match="how long"):
        make().fit(loader())


def test_callbacks_are_fixed_while_the_trainer_runs(make: Any) -> None:
    class Adds(lineside.Callback):
        on_error = "raise"

        def on_epoch_end(self, run: lineside.RunView) -> None:
            trainer.add_callback("terminate-on-nan")

    trainer = make(callbacks=[Adds()])
    with pytest.raises(RunStateError, match="add_callback"):
        trainer.fit(loader(), epochs=1)
    trainer.remove_callback(trainer.callbacks[0])
    trainer.add_callback("terminate-on-nan")
    assert trainer.fit(loader(), epochs=1).reason == "all 1 epochs are done"


def test_two_callbacks_of_one_name_are_refused_before_anything_is_written(make: Any, tmp_path: Path) -> None:
    with pytest.raises(AttachError, match="Two callbacks are called 'probe'"):
        make(callbacks=[Probe(), Probe()]).fit(loader(), epochs=1)
    assert not list(tmp_path.iterdir())


def test_nothing_of_the_trainer_stays_in_the_optimizer(make: Any) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = make(model, optimizer=optimizer)
    for _ in range(2):
        trainer.fit(loader(), epochs=1)
    assert not optimizer._optimizer_step_post_hooks
    assert not optimizer._optimizer_step_pre_hooks


class RaisesEverywhere(lineside.Callback):
    """Raises at every event of a training, and touches nothing."""

    disable_after = None

    def hooks(self) -> dict[Event, Hook]:
        return {event: Hook(self._raise) for event in Event if event is not Event.ALERT}

    def _raise(self, *_: Any) -> None:
        raise ValueError("at every event")


def test_a_callback_that_raises_at_every_event_changes_no_weight_and_hides_no_event(make: Any) -> None:
    calm, troubled = net(), net()
    alone, beside = TraceRecorder(), TraceRecorder()
    make(calm, callbacks=[alone]).fit(loader(), loader(), epochs=2)
    result = make(troubled, callbacks=[RaisesEverywhere(), beside]).fit(loader(), loader(), epochs=2)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(calm.parameters(), troubled.parameters(), strict=True))
    assert [event for event in beside.events if event != "on_alert"] == alone.events
    assert "raises-everywhere failed" in result.summary


def test_of_ten_callbacks_the_slow_one_is_named_with_its_share(make: Any) -> None:
    class Slow(lineside.Callback):
        def on_batch_end(self, run: lineside.RunView) -> None:
            end = time.thread_time() + 0.03
            while time.thread_time() < end:
                pass

    class Quick(lineside.Callback):
        def on_batch_end(self, run: lineside.RunView) -> None:
            pass

    quick = [Quick(name=f"quick-{i}") for i in range(9)]
    result = make(callbacks=[*quick[:5], Slow(), *quick[5:]]).fit(loader(), epochs=2)
    named = [line for line in result.summary.splitlines() if "of the run" in line]
    assert len(named) == 1
    assert re.match(r"slow took \d+% of the run", named[0])


def test_a_weight_file_that_cannot_be_written_is_refused_before_anything_is_trained(make: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.safetensors or \.pt"):
        make(callbacks=[ModelCheckpoint("best_{epoch:02d}.h5")]).fit(loader(), epochs=1)
    assert not list(tmp_path.iterdir())


def test_the_stand_alone_file_of_the_best_loads_by_itself(make: Any, tmp_path: Path) -> None:
    model = net()
    template = str(tmp_path / "models" / "best_ep{epoch:02d}_{val_loss:.3f}.pt")
    make(model, callbacks=[ModelCheckpoint(template, save_best_only=True)]).fit(loader(), loader(), epochs=3)
    (file,) = (tmp_path / "models").iterdir()
    assert file.name.startswith("best_ep03_")
    other = net()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))

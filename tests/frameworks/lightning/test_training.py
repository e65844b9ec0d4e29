"""What Lightning's trainer can do, with our callbacks in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning", reason="the bridge to Lightning needs lightning: pip install lightning")

import torch
from lightning.pytorch import callbacks as lightnings
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.profilers import PassThroughProfiler
from torch.nn import functional as F

from lineside.bridges.lightning import lightning
from lineside.callback import Callback
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.events import Event
from lineside.testing import toy
from lineside.testing.toy_callbacks import Asks, KeepsRates, KeepsValues
from lineside.testing.trace import TraceRecorder
from tests.frameworks.lightning.line import Line, fit, loader, trainer, training, validation

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:lightning"),
]


class KeepsLosses(Callback):
    def on_train_start(self, run: Any) -> None:
        self.losses: list[float] = []

    def on_batch_end(self, run: Any) -> None:
        self.losses.append(float(run.loss))


def test_a_metric_of_an_epoch_is_of_that_epoch_and_of_no_batch_of_the_next(tmp_path: Path) -> None:
    class Counts(Line):
        def training_step(self, batch: Any, index: int) -> Any:
            self.log("epochs", float(self.current_epoch), on_step=False, on_epoch=True)
            return super().training_step(batch, index)

        def on_train_epoch_end(self) -> None:
            self.log("late", float(self.current_epoch))

    class Keeps(Callback):
        def on_train_start(self, run: Any) -> None:
            self.found: list[Any] = []
            self.in_batches: set[str] = set()

        def on_batch_end(self, run: Any) -> None:
            self.in_batches |= set(run.batch_metrics)

        def on_epoch_end(self, run: Any) -> None:
            self.found.append([run.metrics.point(name)[:2] for name in ("train/epochs", "train/late")])

    keeps = Keeps()
    fit([lightning([keeps], run_dir=tmp_path)], Counts(), max_epochs=3)
    assert keeps.found == [[(float(epoch), 4 * (epoch + 1))] * 2 for epoch in range(3)]
    assert keeps.in_batches == {"train/loss"}


def test_accumulated_batches_have_their_own_losses(tmp_path: Path) -> None:
    one, other, recorder = KeepsLosses(), KeepsLosses(), TraceRecorder()
    fit([lightning([one], run_dir=tmp_path)], max_epochs=1)
    fit([lightning([other, recorder], run_dir=tmp_path)], max_epochs=1, accumulate_grad_batches=4)
    assert other.losses[0] == pytest.approx(one.losses[0])
    assert recorder.events.count("on_step_end") == 1
    assert recorder.events.count("on_batch_end") == toy.BATCHES


def test_the_rate_of_an_epoch_is_the_one_its_last_step_was_made_with(tmp_path: Path) -> None:
    rates: list[float] = []
    keeps = Asks(lambda run: rates.append(run.metrics["lr"]), Event.EPOCH_END)
    again = Asks(lambda run: rates.append(run.metrics["lr"]), Event.EPOCH_END, epoch=1, name="again")
    fit([lightning([keeps, again], run_dir=tmp_path)], Line(halve=True), max_epochs=2)
    assert rates == [toy.LEARNING_RATE, toy.LEARNING_RATE / 2]


def test_manual_optimization_of_several_optimizers(tmp_path: Path) -> None:
    class Two(Line):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.other = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, index: int) -> None:
            for optimizer, layer in zip(self.optimizers(), (self.layer, self.other), strict=True):
                optimizer.zero_grad()
                self.manual_backward(F.mse_loss(layer(batch[0]), batch[1]))
                optimizer.step()

        def configure_optimizers(self) -> Any:
            return [torch.optim.SGD(part.parameters(), lr=0.1) for part in (self.layer, self.other)]

    recorder, rates = TraceRecorder(), KeepsRates()
    bridge = lightning([recorder, rates], run_dir=tmp_path)
    fit([bridge], Two(), max_epochs=1, max_steps=4)
    assert recorder.events.count("on_step_end") == recorder.events.count("on_batch_end") == 2
    assert set(bridge.run.lr) == {"0.0", "1.0"}


def test_validations_in_mid_epoch(tmp_path: Path) -> None:
    recorder, keeps = TraceRecorder(), KeepsValues()
    fit([lightning([recorder, keeps], run_dir=tmp_path)], max_epochs=1, val_check_interval=0.5)
    assert recorder.events.count("on_val_start") == 2
    first, last = (i for i, event in enumerate(recorder.events) if event == "on_val_start")
    assert first < recorder.events.index("on_train_epoch_end") < last
    assert keeps.values[0]["val/loss"][1] == toy.BATCHES


@pytest.mark.parametrize(
    ("options", "batches", "validations"),
    [
        ({"limit_train_batches": 2, "max_epochs": 1}, 2, 1),
        ({"limit_val_batches": 0, "max_epochs": 1}, 4, 0),
        ({"fast_dev_run": True}, 1, 1),
        ({"max_epochs": -1, "max_steps": 6}, 6, 1),
        ({"check_val_every_n_epoch": 2, "max_epochs": 2}, 8, 1),
        ({"limit_train_batches": 0, "max_epochs": 1}, 0, 0),
    ],
)
def test_limits(options: dict[str, Any], batches: int, validations: int, tmp_path: Path) -> None:
    recorder = TraceRecorder()
    bridge = lightning([recorder], run_dir=tmp_path)
    fit([bridge], **options)
    assert recorder.events.count("on_batch_end") == batches
    assert recorder.events.count("on_val_start") == validations
    assert recorder.events[-1] == "on_teardown"
    if "max_steps" in options:
        assert bridge.run.reason == "all 6 steps are done"


def test_evaluations_behind_a_training_belong_to_its_run_and_a_second_fit_is_another(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    bridge, model = lightning([recorder], run_dir=tmp_path), Line()
    made = trainer(bridge, max_epochs=1)
    made.fit(model, training(), validation())
    first = bridge.run.dir
    made.validate(model, validation(), verbose=False)
    assert list(bridge.run.metrics) == ["val/loss"]
    made.test(model, validation(), verbose=False)
    assert list(bridge.run.metrics) == ["test/loss"]
    made.predict(model, validation())
    assert recorder.events.count("on_predict_batch_end") == toy.VAL_BATCHES
    assert bridge.run.dir == first
    made.fit_loop.max_epochs = 2
    made.fit(model, training(), validation())
    assert bridge.run.dir != first
    assert (bridge.run.epoch, bridge.run.step) == (2, toy.BATCHES)
    assert not [one for one in made.callbacks if type(one).__name__ == "EpochEnd"]


def test_lightnings_own_callbacks_and_loggers_stand_beside_ours(tmp_path: Path) -> None:
    class Logs(Callback):
        def on_epoch_end(self, run: Any) -> None:
            run.log({"ours/epoch": float(run.epoch)})

    files = lightnings.ModelCheckpoint(tmp_path / "theirs", monitor="val_loss")
    stops = lightnings.EarlyStopping("val_loss", patience=1, stopping_threshold=1e9)
    loggers = [CSVLogger(tmp_path / "csv"), TensorBoardLogger(tmp_path / "board")]
    bridge = lightning([Logs(), ModelCheckpoint()], run_dir=tmp_path)
    made = fit([bridge, stops, files], max_epochs=3, logger=loggers, enable_checkpointing=True, log_every_n_steps=1)
    assert made.current_epoch == 1
    assert bridge.run.reason == "lightning ended the training"
    assert Path(files.best_model_path).exists()
    assert made.checkpoint_callback is files
    assert "ours/epoch" in (Path(loggers[0].log_dir) / "metrics.csv").read_text().splitlines()[0]


def test_weights_in_lightnings_own_format(tmp_path: Path) -> None:
    model = Line(halve=True)
    bridge = lightning([ModelCheckpoint(tmp_path / "best.ckpt", save_best_only=True)], run_dir=tmp_path)
    fit([bridge], model, max_epochs=2)
    (path,) = tmp_path.rglob("best.ckpt")
    loaded = Line.load_from_checkpoint(path)
    assert loaded.hparams["halve"] is True
    assert torch.equal(loaded.layer.weight, model.layer.weight)


def test_the_best_weights_come_back(tmp_path: Path) -> None:
    class Worsens(Line):
        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", float(self.current_epoch))

    weights: list[Any] = []
    keeps = Asks(lambda run: weights.append(dict(run.model.capture())["layer.weight"]), Event.EPOCH_END)
    model = Worsens()
    stops = EarlyStopping(patience=2, restore_best_weights=True)
    bridge = lightning([keeps, ModelCheckpoint(), stops], run_dir=tmp_path)
    made = fit([bridge], model, max_epochs=9)
    assert made.current_epoch == 3
    assert torch.equal(model.layer.weight, weights[0])


def test_best_is_tagged_with_the_value_of_its_own_weights(tmp_path: Path) -> None:
    """Lightning: `every_n_train_steps=4, monitor="val_loss"` tags checkpoints with the previous epoch's value."""
    bridge = lightning([ModelCheckpoint(monitor="val_loss", every="3 steps", keep_last=9)], run_dir=tmp_path)
    fit([bridge], max_epochs=3)
    best = bridge.run.checkpoints.best
    point = best.metrics["val/loss"]
    assert (point.step, best.step) == (12, 12)
    again = Line()
    again.layer.weight.data, again.layer.bias.data = (_weights(best)[name] for name in ("layer.weight", "layer.bias"))
    (value,) = trainer().validate(again, loader(toy.validation_points()), verbose=False)
    assert value["val_loss"] == pytest.approx(point.value)


def test_last_is_no_link_to_best(tmp_path: Path) -> None:
    """Lightning: `last` may link to best."""
    bridge = lightning([ModelCheckpoint()], run_dir=tmp_path)
    fit([bridge], max_epochs=2)
    best, last = bridge.run.checkpoints.best, bridge.run.checkpoints.last
    assert not [path for path in bridge.run.dir.rglob("*") if path.is_symlink()]
    assert best.path.exists()
    assert last.step == 8


def _weights(checkpoint: Any) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(checkpoint.file("model.safetensors"))


class Watched(PassThroughProfiler):
    """Keeps the names of what Lightning profiles."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def start(self, action_name: str) -> None:
        self.names.add(action_name)


@pytest.mark.parametrize("gradients", [False, True])
def test_lightning_calls_no_hook_of_a_batch_that_nobody_needs(gradients: bool, tmp_path: Path) -> None:
    watched, ours = Watched(), lightning([Asks(lambda _: None, Event.BACKWARD_END)] * gradients, run_dir=tmp_path)
    trainer(ours, max_epochs=1, profiler=watched).fit(Line(), training())
    called = {name.rpartition(".")[2] for name in watched.names if name.startswith(f"[Callback]{ours.state_key}.")}
    within = {"on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"}
    within |= {"on_before_optimizer_step", "on_train_batch_end"}
    needed = {"on_train_batch_start", "on_after_backward"} if gradients else set()
    assert called & within == needed | {"on_train_batch_end"}
    # They are there again behind the training.
    assert all(callable(getattr(ours, hook)) for hook in within)

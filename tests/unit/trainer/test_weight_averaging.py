"""Trainings whose weights are averaged: what is validated, saved, restored, and left in the model."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

import lineside
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.ema import EMA
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.swa import SWA
from lineside.errors import AttachError, OptionError
from tests.unit.trainer.toys import loader, points

pytestmark = pytest.mark.usefixtures("quick")


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def fit(make: Any, *callbacks: Any, model: nn.Module | None = None, epochs: int = 3, **options: Any) -> Any:
    model = model or net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    trainer = make(model, optimizer=optimizer, callbacks=list(callbacks))
    return model, trainer.fit(loader(shuffle=True), loader(), epochs=epochs, **options)


def loss_of(weights: Mapping[str, Tensor]) -> float:
    model = net()
    model.load_state_dict(weights)
    inputs, targets = points().tensors
    with torch.no_grad():
        return float(F.cross_entropy(model.eval()(inputs), targets))


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


class At(lineside.Callback):
    """Does something once, in a hook of one step."""

    on_error = "raise"

    def __init__(self, step: int, what: Any, **options: Any) -> None:
        super().__init__(**options)
        self.step, self.what = step, what

    def on_batch_end(self, run: Any) -> None:
        if run.step == self.step:
            self.what(run)


# ---- validated and saved ---------------------------------------------------------------------------------------------


def test_metrics_are_those_of_the_average_which_the_checkpoint_holds_beside_the_raw_weights(make: Any) -> None:
    model, result = fit(make, EMA(0.9, apply_at_end=False))
    average = load_file(result.last.file("callbacks/ema.safetensors"))
    assert result.last.manifest.weights == "ema"
    assert loss_of(average) == pytest.approx(result.history["val/loss"][-1], rel=1e-5)
    assert equal(load_file(result.last.file("model.safetensors")), model.state_dict())
    assert loss_of(model.state_dict()) != pytest.approx(result.history["val/loss"][-1], rel=1e-3)


def test_the_training_itself_never_sees_the_average(make: Any) -> None:
    alone, _ = fit(make)
    beside, result = fit(make, EMA(0.9, apply_at_end=False))
    assert equal(alone.state_dict(), beside.state_dict())
    assert equal(load_file(result.last.file("model.safetensors")), alone.state_dict())


def test_without_an_average_metrics_are_those_of_raw_weights(make: Any) -> None:
    _, result = fit(make, EMA(0.9, start="100 epochs"))
    assert result.last.manifest.weights == "raw"
    assert not result.last.has("callbacks/ema.safetensors")


def test_the_model_ends_with_the_average(make: Any) -> None:
    model, result = fit(make, EMA(0.9))
    assert equal(model.state_dict(), load_file(result.last.file("callbacks/ema.safetensors")))


def test_buffers_can_stay_those_of_the_model(make: Any) -> None:
    model, result = fit(make, EMA(0.9, update_buffers=False))
    average = load_file(result.last.file("callbacks/ema.safetensors"))
    raw = load_file(result.last.file("model.safetensors"))
    assert "1.running_mean" not in average
    assert equal(model.state_dict(), raw | average)
    assert loss_of(raw | average) == pytest.approx(result.history["val/loss"][-1], rel=1e-5)


def test_stand_alone_files_hold_what_their_metric_was_made_with(make: Any, tmp_path: Path) -> None:
    template = str(tmp_path / "models" / "best_{val_loss:.4f}.pt")
    _, result = fit(make, EMA(0.9, apply_at_end=False), ModelCheckpoint(template, save_best_only=True))
    (file,) = (tmp_path / "models").iterdir()
    assert file.name == f"best_{min(result.history['val/loss']):.4f}.pt"
    assert loss_of(torch.load(file, weights_only=True)) == pytest.approx(min(result.history["val/loss"]), rel=1e-5)


def test_half_precision_is_validated_and_exported_in_its_own_dtype(make: Any, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).to(torch.bfloat16)
    template = str(tmp_path / "models" / "model.safetensors")
    trainer = make(
        model,
        step=lambda model, batch, run: F.cross_entropy(model(batch[0].bfloat16()).float(), batch[1]),
        callbacks=[EMA(0.9), ModelCheckpoint(template)],
    )
    result = trainer.fit(loader(), loader(), epochs=2)
    assert load_file(result.last.file("callbacks/ema.safetensors"))["0.weight"].dtype is torch.float32
    assert load_file(template)["0.weight"].dtype is torch.bfloat16
    assert all(parameter.dtype is torch.bfloat16 for parameter in model.parameters())


# ---- undone ----------------------------------------------------------------------------------------------------------


def test_a_validation_that_fails_leaves_the_raw_weights(make: Any) -> None:
    class Fails(lineside.Callback):
        on_error = "raise"

        def on_val_start(self, run: Any) -> None:
            self.raw = copied(run.model.module)

        def on_val_batch_end(self, run: Any) -> None:
            assert not equal(self.raw, run.model.module.state_dict())
            raise MemoryError("too large")

    model, fails = net(), Fails()
    with pytest.raises(MemoryError):
        fit(make, fails, EMA(0.9), model=model)
    assert equal(model.state_dict(), fails.raw)


def test_an_interrupt_in_a_validation_saves_and_leaves_the_raw_weights(make: Any, tmp_path: Path) -> None:
    class Interrupts(lineside.Callback):
        def on_val_batch_end(self, run: Any) -> None:
            signal.raise_signal(signal.SIGTERM)

    model = net()
    with pytest.raises(SystemExit):
        fit(make, EMA(0.9), Interrupts(), model=model)
    (saved,) = tmp_path.glob("default/*/checkpoints/epoch*")
    assert equal(load_file(saved / "model.safetensors"), model.state_dict())
    alone, _ = fit(make, epochs=1)
    assert equal(alone.state_dict(), model.state_dict())


def test_a_validation_between_batches_that_is_refused_leaves_the_raw_weights_to_the_training(make: Any) -> None:
    def refuse_once(model: nn.Module, batch: Any, run: Any) -> Any:
        if run.stage == "val" and run.step == 2:
            raise OptionError("not now")
        return F.cross_entropy(model(batch[0]), batch[1])

    def trained(*callbacks: Any) -> nn.Module:
        model = net()
        trainer = make(model, step=refuse_once, callbacks=[At(2, lambda run: run.validate()), *callbacks])
        trainer.fit(loader(), loader(), epochs=2)
        return model

    assert equal(trained().state_dict(), trained(EMA(0.9, apply_at_end=False)).state_dict())


def test_validations_between_batches_see_the_average_of_then(make: Any) -> None:
    seen = []

    class Looks(lineside.Callback):
        on_error = "raise"

        def on_val_end(self, run: Any) -> None:
            seen.append((run.step, loss_of(run.model.module.state_dict()), run.metrics["val/loss"]))

    fit(make, EMA(0.5), Looks(), validate_every="3 steps")
    assert [step for step, _, _ in seen] == [3, 6, 9, 12]
    assert all(loss == pytest.approx(published, rel=1e-5) for _, loss, published in seen)


def test_a_loop_of_ones_own_validates_with_the_average(tmp_path: Path) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    validated = []
    with lineside.Run(model=model, optimizer=optimizer, callbacks=[EMA(0.9)], run_dir=tmp_path) as run:
        for _ in run.epochs(2):
            for inputs, targets in run.batches(loader()):
                F.cross_entropy(model(inputs), targets).backward()
                optimizer.step()
                optimizer.zero_grad()
            raw = copied(model)
            with run.validation():
                validated.append(copied(model))
            assert equal(model.state_dict(), raw)
            assert not equal(validated[-1], raw)
    assert equal(model.state_dict(), validated[-1])


# ---- resumed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [2, 5, 8])
@pytest.mark.parametrize(
    "average",
    [lambda: EMA(0.9, start="3 steps", every="2 steps"), lambda: SWA("1 epoch", 0.05, anneal_epochs=2)],
    ids=["ema", "swa"],
)
def test_interrupted_anywhere_it_ends_bit_for_bit_as_the_uninterrupted_run(make: Any, average: Any, step: int) -> None:
    whole, complete = fit(make, average(), epochs=4)
    interrupt = At(step, lambda run: signal.raise_signal(signal.SIGTERM), name="interrupt")
    with pytest.raises(SystemExit):
        fit(make, average(), interrupt, epochs=4)
    model, result = fit(make, average(), epochs=4, resume="auto")
    assert equal(model.state_dict(), whole.state_dict())
    assert result.history == complete.history
    assert result.last.manifest.weights == complete.last.manifest.weights


# ---- restored --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("applied", [True, False])
def test_the_best_weights_are_those_that_made_the_best_metric(make: Any, applied: bool) -> None:
    stopping = EarlyStopping(patience=9, restore_best_weights=True)
    model, result = fit(make, EMA(0.8, apply_at_end=applied), stopping, epochs=4)
    assert loss_of(model.state_dict()) == pytest.approx(min(result.history["val/loss"]), rel=1e-5)


@pytest.mark.parametrize("best", [1, 3])
def test_the_best_is_restored_as_the_average_of_then_also_when_that_was_the_last(make: Any, best: int) -> None:
    class Scores(lineside.Callback):
        """Publishes a metric that is best in one epoch."""

        on_error = "raise"

        def on_val_end(self, run: Any) -> None:
            run.log({"val/score": float(run.epoch == best)})
            if run.epoch == best:
                self.then = copied(run.model.module)

    scores = Scores()
    stopping = EarlyStopping("val/score", restore_best_weights=True)
    model, _ = fit(make, scores, EMA(0.9, apply_at_end=False), stopping, epochs=4)
    assert equal(model.state_dict(), scores.then)


def test_going_back_in_the_middle_of_a_training_takes_the_average_back_too(make: Any) -> None:
    """Otherwise what made the run go back, a loss that is not a number say, would stay in the average for ever."""
    seen: dict[int, Any] = {}

    class Poisons(lineside.Callback):
        on_error = "raise"

        def on_backward_end(self, run: Any) -> None:
            if run.step == 5 and 6 not in seen:
                for _, gradient in run.model.gradients():
                    gradient.fill_(float("nan"))

        def on_batch_end(self, run: Any) -> None:
            if run.step == 4:
                run.save("good")
            if run.step in (4, 6, 7) and run.step not in seen:
                seen[run.step] = {name: tensor.clone() for name, tensor in ema.state_tensors().items()}
            if run.step == 6:
                run.restore("tag:good", weights_only=False)

    ema = EMA(0.9, apply_at_end=False)
    model, result = fit(make, ema, Poisons())
    assert not all(tensor.isfinite().all() for tensor in seen[6].values())
    assert all(tensor.isfinite().all() for tensor in seen[7].values())
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert torch.tensor(result.history["val/loss"]).isfinite().all()


# ---- the mean of the last epochs -------------------------------------------------------------------------------------


class Ends(lineside.Callback):
    """Keeps the weights at the ends of the epochs."""

    on_error = "raise"

    def on_setup(self, run: Any) -> None:
        self.weights: list[dict[str, Tensor]] = []

    def on_train_epoch_end(self, run: Any) -> None:
        self.weights.append(copied(run.model.module))


def test_the_mean_of_the_last_epochs_ends_in_the_model_with_statistics_of_its_own(make: Any) -> None:
    model, result = fit(make, ends := Ends(), SWA("50%"), epochs=4)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), (ends.weights[2][name] + ends.weights[3][name]) / 2)
    other = net()
    other.load_state_dict(model.state_dict())
    torch.optim.swa_utils.update_bn([batch for batch, _ in loader()], other)
    torch.testing.assert_close(model[1].running_mean, other[1].running_mean)
    saved = next(entry for entry in result.run.glob("checkpoints/epoch*") if not (entry / "state.json").exists())
    assert equal(load_file(saved / "model.safetensors"), model.state_dict())
    assert result.last.tags == ("swa",)


def test_validations_before_the_end_are_made_with_the_model_as_it_trains(make: Any) -> None:
    _, plain = fit(make, epochs=4)
    _, averaged = fit(make, SWA("50%"), epochs=4)
    assert averaged.history == plain.history


def test_a_completed_run_goes_on_from_the_raw_weights(make: Any) -> None:
    whole, _ = fit(make, ends := Ends(), SWA("2 epochs"), epochs=4)
    _, half = fit(make, SWA("2 epochs"), epochs=3)
    model, _ = fit(make, SWA("2 epochs"), epochs=4, resume=half.run)
    assert len(ends.weights) == 4
    assert equal(model.state_dict(), whole.state_dict())


def test_without_new_statistics_those_of_the_last_epoch_stay(make: Any) -> None:
    model, _ = fit(make, ends := Ends(), SWA("50%", update_bn=False), epochs=4)
    assert torch.equal(model[1].running_mean, ends.weights[-1]["1.running_mean"])


def test_a_host_that_cannot_compute_statistics_refuses_it_at_the_start(make: Any, tmp_path: Path) -> None:
    def step(model: nn.Module, batch: Any, run: Any) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    with pytest.raises(AttachError, match="update_bn=False"):
        make(net(), step=step, callbacks=[SWA()]).fit(loader(), epochs=1)
    model = net()
    with (
        pytest.raises(AttachError, match=r"update_bn\(loader, model\)"),
        lineside.Run(model=model, callbacks=[SWA()], run_dir=tmp_path),
    ):
        pass
    plain = nn.Linear(4, 2)
    with lineside.Run(model=plain, callbacks=[SWA()], run_dir=tmp_path):
        pass  # there is no BatchNorm


def test_data_that_cannot_be_read_a_second_time_is_an_alert_and_the_mean_is_saved(make: Any) -> None:
    class Alerts(lineside.Callback):
        def on_setup(self, run: Any) -> None:
            self.seen: list[Any] = []

        def on_alert(self, run: Any, alert: Any) -> None:
            self.seen.append(alert)

    trainer = make(net(), callbacks=[SWA("0%"), alerts := Alerts()])
    result = trainer.fit((batch for batch in list(loader())), epochs=1)
    assert [(alert.title, alert.level) for alert in alerts.seen] == [("swa could not update BatchNorm", "error")]
    assert result.last.tags == ("swa",)


def test_it_refuses_to_end_beside_somebody_who_puts_other_weights_back(make: Any) -> None:
    with pytest.raises(AttachError, match="early-stopping restore_best_weights=False"):
        fit(make, SWA(), EarlyStopping(restore_best_weights=True))

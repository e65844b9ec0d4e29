"""What Hugging Face's trainer can do, with our callbacks in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "transformers", reason="the bridge to Hugging Face needs transformers: pip install transformers accelerate"
)

import torch
from torch.nn import functional as F
from transformers import PretrainedConfig, PreTrainedModel
from transformers.integrations import TensorBoardCallback

from lineside.bridges.transformers import transformers as bridge
from lineside.callback import Callback
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.testing import toy
from lineside.testing.toy_callbacks import Asks, KeepsValues
from lineside.testing.trace import TraceRecorder
from tests.frameworks.transformers.line import InOrder, Line, Points, trainer


class KeepsLosses(Callback):
    def on_train_start(self, run: Any) -> None:
        self.losses: list[float] = []

    def on_batch_end(self, run: Any) -> None:
        self.losses.append(float(run.loss))


class TakesKeywords(Line):
    """Divides by the number of items of the whole step, as models of the library do."""

    def forward(self, inputs: Any, labels: Any = None, **keywords: Any) -> dict[str, Any]:
        outputs, items = self.layer(inputs), keywords.get("num_items_in_batch")
        if items is None:
            return {"loss": F.mse_loss(outputs, labels), "logits": outputs}
        return {"loss": F.mse_loss(outputs, labels, reduction="sum") / items, "logits": outputs}


@pytest.mark.parametrize("model", [Line, TakesKeywords])
def test_accumulated_batches_have_their_own_losses(model: Any, tmp_path: Path) -> None:
    one, other, recorder = KeepsLosses(), KeepsLosses(), TraceRecorder()
    trainer(tmp_path, bridge([one], run_dir=tmp_path), num_train_epochs=1).train()
    accumulating = bridge([other, recorder], run_dir=tmp_path)
    trainer(tmp_path, accumulating, model=model(), num_train_epochs=1, gradient_accumulation_steps=4).train()
    assert other.losses[0] == pytest.approx(one.losses[0])
    assert recorder.events.count("on_step_end") == 1
    assert recorder.events.count("on_batch_end") == toy.BATCHES


def test_the_loss_is_the_trainers_where_the_model_gives_none(tmp_path: Path) -> None:
    class Own(InOrder):
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            outputs = model(inputs["inputs"])
            loss = F.mse_loss(outputs["logits"], inputs["labels"])
            return (loss, outputs) if return_outputs else loss

    one, other = KeepsLosses(), KeepsLosses()
    trainer(tmp_path, bridge([one], run_dir=tmp_path), num_train_epochs=1).train()
    trainer(tmp_path, bridge([other], run_dir=tmp_path), kind=Own, num_train_epochs=1).train()
    assert other.losses == pytest.approx(one.losses)


class Overflows(InOrder):
    """Its second step has an infinite gradient, which a scaler skips."""

    def training_step(self, model: Any, *arguments: Any, **options: Any) -> Any:
        loss = super().training_step(model, *arguments, **options)
        if self.state.global_step == 1:
            model.layer.weight.grad.fill_(float("inf"))
        return loss


def test_a_step_that_mixed_precision_skips_is_none_also_for_a_resume(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    first = bridge([recorder, ModelCheckpoint()], run_dir=tmp_path)
    made = trainer(tmp_path, first, kind=Overflows, num_train_epochs=1)
    made.accelerator.scaler = torch.amp.GradScaler("cpu")
    made.train()
    assert [one.step for one in recorder.trace if one.event is Event.BATCH_END] == [1, 1, 2, 3]
    assert recorder.events.count("on_step_end") == 3
    assert made.state.global_step == 4
    # Hugging Face counts it, and goes on from four; the run from three.
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume=first.run.name)
    rest = trainer(tmp_path, again, num_train_epochs=2)
    rest.accelerator.scaler = torch.amp.GradScaler("cpu")
    rest.train()
    assert (again.run.step, rest.state.global_step, again.run.epoch) == (7, 8, 2)
    assert len(rest.seen) == toy.BATCHES


def test_label_smoothing(tmp_path: Path) -> None:
    class Classes(torch.nn.Module):
        config = PretrainedConfig()

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 3)

        def forward(self, inputs: Any, labels: Any = None) -> dict[str, Any]:
            return {"logits": self.layer(inputs)}

    class Labelled(Points):
        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"inputs": torch.tensor(self.points[index][0]), "labels": torch.tensor(index % 3)}

    keeps, data = KeepsLosses(), Labelled(toy.training_points())
    smoothing = trainer(
        tmp_path,
        bridge([keeps], run_dir=tmp_path),
        model=Classes(),
        train_dataset=data,
        eval_dataset=data,
        label_smoothing_factor=0.1,
        num_train_epochs=1,
    )
    smoothing.train()
    assert len(keeps.losses) == toy.BATCHES
    assert all(loss > 0 for loss in keeps.losses)


def test_evaluations_by_steps_and_a_number_of_steps(tmp_path: Path) -> None:
    recorder, keeps = TraceRecorder(), KeepsValues()
    carried = bridge([recorder, keeps], run_dir=tmp_path)
    trainer(tmp_path, carried, eval_strategy="steps", eval_steps=2, max_steps=6).train()
    assert recorder.events.count("on_val_start") == 3
    assert recorder.events.count("on_batch_end") == 6
    assert keeps.values[0]["val/loss"][1:] == (4, 0)
    assert carried.run.reason == "all 6 steps are done"


def test_an_evaluation_that_a_callback_asks_for(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    asks = Asks(lambda run: run.validate(), Event.BATCH_END, batch=1)
    trainer(tmp_path, bridge([asks, recorder], run_dir=tmp_path), num_train_epochs=1).train()
    assert recorder.events.count("on_val_start") == 2


def test_evaluations_by_themselves(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    carried = bridge([recorder], run_dir=tmp_path)
    made = trainer(tmp_path, carried, num_train_epochs=1)
    value = made.evaluate()["eval_loss"]
    assert dict(carried.run.metrics) == {"val/loss": pytest.approx(value)}
    assert recorder.events[-1] == "on_teardown"
    made.evaluate(metric_key_prefix="test")
    assert list(carried.run.metrics) == ["test/loss"]
    made.train()
    directory, epochs = carried.run.dir, recorder.events.count("on_epoch_end")
    made.predict(made.eval_dataset)
    made.model.eval()(torch.zeros(1, 1))
    assert (carried.run.dir, recorder.events[-1], epochs) == (directory, "on_teardown", 1)
    made.train()
    assert carried.run.dir != directory


def test_several_data_sets_are_one_evaluation(tmp_path: Path) -> None:
    recorder, points = TraceRecorder(), Points(toy.validation_points())
    carried = bridge([recorder], run_dir=tmp_path)
    trainer(tmp_path, carried, eval_dataset={"a": points, "b": points}, num_train_epochs=1).train()
    assert recorder.events.count("on_val_start") == 1
    assert recorder.events.index("on_epoch_end") > recorder.events.index("on_val_end")
    assert {"val/a_loss", "val/b_loss"} <= set(carried.run.metrics)


def test_an_evaluation_of_no_data(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    trainer(tmp_path, bridge([recorder], run_dir=tmp_path), eval_dataset=Points([]), num_train_epochs=1).train()
    assert recorder.events.count("on_val_start") == recorder.events.count("on_val_end") == 1
    assert "on_val_batch_end" not in recorder.events


def test_an_evaluation_that_fails_closes_the_run(tmp_path: Path) -> None:
    class Fails(InOrder):
        def prediction_step(self, *_: Any, **__: Any) -> Any:
            raise ValueError("no such thing")

    recorder = TraceRecorder()
    made = trainer(tmp_path, bridge([recorder], run_dir=tmp_path), kind=Fails)
    with pytest.raises(ValueError, match="no such thing"):
        made.evaluate()
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]


def test_add_callback_says_what_is_missing(tmp_path: Path) -> None:
    recorder = TraceRecorder()
    carried, made = bridge([recorder], run_dir=tmp_path), trainer(tmp_path, num_train_epochs=1)
    made.add_callback(carried)
    with pytest.raises(RunStateError, match=r"bridge\.watch\(trainer\)"):
        made.train()
    carried.watch(made)
    made.train()
    assert recorder.events.count("on_batch_end") == toy.BATCHES


def test_their_log_and_their_callbacks_stand_beside_ours(tmp_path: Path) -> None:
    class Logs(Callback):
        def on_epoch_end(self, run: Any) -> None:
            run.log({"ours/epoch": float(run.epoch)})

    made = trainer(
        tmp_path, bridge([Logs(), ModelCheckpoint()], run_dir=tmp_path), TensorBoardCallback(), save_strategy="epoch"
    )
    made.train()
    assert [entry["ours/epoch"] for entry in made.state.log_history if "ours/epoch" in entry] == [0.0, 1.0, 2.0]
    assert list((tmp_path / "transformers").glob("checkpoint-*"))
    assert list(tmp_path.rglob("events.out.tfevents.*"))


def test_a_model_of_the_library_gets_its_best_weights_back_and_saves_them(tmp_path: Path) -> None:
    class LineConfig(PretrainedConfig):
        model_type = "line"

    class LineModel(PreTrainedModel):
        config_class = LineConfig

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.layer = torch.nn.Linear(1, 1)
            self.post_init()

        def forward(self, inputs: Any, labels: Any = None) -> dict[str, Any]:
            outputs = self.layer(inputs)
            return {"loss": F.mse_loss(outputs, labels), "logits": outputs}

    class Worsens(InOrder):
        def evaluate(self, *arguments: Any, **options: Any) -> Any:
            return {**super().evaluate(*arguments, **options), "eval_loss": self.state.epoch}

    weights: list[Any] = []
    keeps = Asks(lambda run: weights.append(dict(run.model.capture())["layer.weight"]), Event.EPOCH_END)
    stops = EarlyStopping(patience=2, restore_best_weights=True)
    made = trainer(
        tmp_path,
        bridge([keeps, ModelCheckpoint(), stops], run_dir=tmp_path),
        model=LineModel(LineConfig()),
        kind=Worsens,
        num_train_epochs=9,
    )
    made.train()
    assert made.state.epoch == 3
    made.model.save_pretrained(tmp_path / "saved")
    assert torch.equal(LineModel.from_pretrained(tmp_path / "saved").layer.weight, weights[0])


class Stream(torch.utils.data.IterableDataset[Any]):
    """Points of which nobody knows how many there are."""

    def __iter__(self) -> Any:
        return iter([{"inputs": torch.tensor(x), "labels": torch.tensor(y)} for x, y in toy.training_points()])


@pytest.mark.parametrize(
    ("data", "batches"), [(Points(toy.training_points()), toy.BATCHES), (Stream(), None)], ids=["set", "stream"]
)
def test_callbacks_know_the_batches_of_an_epoch_where_the_data_does(data: Any, batches: Any, tmp_path: Path) -> None:
    seen: list[Any] = []
    looks = [
        Asks(lambda run: seen.append(run.total_batches), event, batch=batch, name=f"looks-{event.hook}")
        for event, batch in ((Event.EPOCH_START, 0), (Event.BATCH_END, 1), (Event.VAL_BATCH_END, 0))
    ]
    made = trainer(tmp_path, bridge(looks, run_dir=tmp_path), train_dataset=data, max_steps=toy.BATCHES)
    made.train()
    assert seen == [batches, batches, None]


@pytest.mark.parametrize(("kind", "known"), [("constant", []), ("linear", ["LambdaLR"])])
def test_a_constant_rate_is_no_schedule(kind: str, known: list[str], tmp_path: Path) -> None:
    seen: list[str] = []
    looks = Asks(lambda run: seen.extend(run.schedulers), Event.EPOCH_START)
    trainer(tmp_path, bridge([looks], run_dir=tmp_path), num_train_epochs=1, lr_scheduler_type=kind).train()
    assert seen == known

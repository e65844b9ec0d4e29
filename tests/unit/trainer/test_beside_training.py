from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lineside
from lineside.callback import Hook
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import AttachError, CallbackNotFound, OptionError, RunStateError
from lineside.events import Event
from lineside.testing.trace import TraceRecorder
from tests.unit.trainer.toys import Probe, accuracy, loader, net, points


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
        ({"loss": "cross_entropy"}, "loss='cross_entropy' is no function"),
        ({"metrics": ["accuracy"]}, "metrics=\\['accuracy'\\] must be a dict"),
        ({"seed": "x"}, "seed='x' must be a whole number"),
    ],
)
def test_wrong_options_are_refused_at_construction(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(**options)


def test_a_callback_that_nobody_knows_is_refused_at_construction(make: Any) -> None:
    with pytest.raises(CallbackNotFound, match="Did you mean 'early-stopping'"):
        make(callbacks=["early-stoping"])
    with pytest.raises(CallbackNotFound, match="Did you mean 'early-stopping'"):
        make().add_callback("early-stoping")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validate_every": "5 steps"}, "validate_every='5 steps' needs validation data"),
        ({"resume": True}, "resume=True: use 'auto', the name or directory of a run, or None for a new one"),
    ],
)
def test_wrong_options_of_a_fit_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make().fit(loader(), epochs=1, **options)


def test_data_without_a_batch_is_refused_in_the_epoch_in_which_it_is_missed(make: Any) -> None:
    with pytest.raises(OptionError, match=r"gave no batch in epoch 1\. Is it empty"):
        make().fit([], epochs=1)
    with pytest.raises(OptionError, match=r"gave no batch in epoch 2\. .* an iterator, which can be read only once"):
        make().fit(iter(list(loader())), epochs=2)


def test_what_a_fit_returns_is_printed_in_a_few_words(make: Any) -> None:
    result = make().fit(loader(), epochs=1)
    assert "history" not in repr(result)
    assert "reason='the one epoch is done'" in repr(result)


def test_torchs_plateau_scheduler_is_refused_with_the_way_out(make: Any) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(OptionError, match="reduce-lr-on-plateau"):
        make(model, optimizer=optimizer, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer))


def test_exporting_another_format_or_without_data_is_refused(make: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="example="):
        make().export(tmp_path / "model.pt2")
    with pytest.raises(OptionError, match=r"\.pt2 or \.onnx"):
        make().export(tmp_path / "model.h5", example=torch.randn(2, 4))


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
    assert trainer.fit(loader(), epochs=1).reason == "the one epoch is done"


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

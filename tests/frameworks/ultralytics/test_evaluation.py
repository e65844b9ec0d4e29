"""Validation, prediction and export of a YOLO under the bridge, each on its own."""

from __future__ import annotations

import pytest
from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.testing.trace import TraceRecorder


@pytest.fixture
def recorder():
    return TraceRecorder()


@pytest.fixture
def yolo(narrow, recorder, tmp_path):
    yolo = YOLO(narrow)
    yolo.bridge = ultralytics(yolo, [recorder], run_dir=tmp_path / "runs")
    return yolo


@pytest.fixture
def quietly(tmp_path):
    return {"imgsz": 64, "device": "cpu", "verbose": False, "project": str(tmp_path / "ultralytics")}


def test_a_validation(yolo, recorder, drawn, quietly):
    yolo.val(data=str(drawn), batch=6, plots=False, workers=0, **quietly)
    assert recorder.events == [
        "on_setup", "on_val_start", *["on_val_batch_start", "on_val_batch_end"] * 2, "on_val_end", "on_teardown",
    ]  # fmt: skip
    assert {"val/mAP50(B)", "val/mAP50-95(B)", "val/precision(B)", "val/fitness"} <= set(recorder.trace[-1].metrics)


def test_the_images_of_a_test(yolo, recorder, drawn, quietly):
    there = drawn.with_name("with_a_test.yaml")
    there.write_text(drawn.read_text() + "test: images/val\n")
    yolo.val(data=str(there), split="test", batch=12, plots=False, workers=0, **quietly)
    assert "on_test_end" in recorder.events
    assert "test/mAP50(B)" in recorder.trace[-1].metrics


def test_a_prediction_from_which_one_breaks_off(yolo, recorder, pictures, quietly):
    for _ in yolo.predict(str(pictures), stream=True, batch=4, **quietly):
        break
    assert recorder.events[-2:] == ["on_predict_end", "on_teardown"]
    assert yolo.bridge.run.closed


def test_an_embedding_ends_each_of_its_batches(yolo, recorder, pictures, quietly):
    yolo.embed(str(pictures), batch=4, **quietly)
    batches = [name for name in recorder.events if "batch" in name]
    assert batches == ["on_predict_batch_start", "on_predict_batch_end"] * 3


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_an_export_and_what_is_exported(yolo, recorder, pictures, quietly, tmp_path):
    path, again = yolo.export(format="torchscript", imgsz=64, device="cpu"), TraceRecorder()
    assert recorder.events == ["on_setup", "on_export_start", "on_export_end", "on_teardown"]
    exported = YOLO(path, task="detect")
    ultralytics(exported, [again], run_dir=tmp_path / "runs")
    exported.predict(str(pictures / "0.png"), **quietly)
    assert again.events[-2:] == ["on_predict_end", "on_teardown"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("val", {"data": "nowhere.yaml"}), ("predict", {"source": "nowhere.png"}), ("export", {"format": "nothing"})],
)
def test_a_failure_leaves_no_run_open(yolo, method, arguments, quietly):
    with pytest.raises(Exception, match="no"):
        getattr(yolo, method)(**arguments, **quietly)
    assert yolo.bridge.run is None or yolo.bridge.run.closed


def test_a_failure_within_a_prediction_reaches_the_callbacks(yolo, recorder, pictures, quietly):
    def fail(_):
        raise RuntimeError("boom")

    yolo.add_callback("on_predict_postprocess_end", fail)
    with pytest.raises(RuntimeError, match="boom"):
        yolo.predict(str(pictures), **quietly)
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_the_whole_way_from_transferred_weights_to_an_export_is_one_run(
    fit, narrow, drawn, pictures, quietly, tmp_path
):
    file = tmp_path / "before_{epoch}.pt"
    fit([ModelCheckpoint(monitor="val/loss", filepath=str(file))], epochs=1, run_dir=tmp_path / "before")
    ends, model = [], YOLO(narrow).load(next(tmp_path.glob("before_*.pt")))
    hooks = ["on_train_end", "on_val_end", "on_predict_end", "on_export_end"]
    seen = LambdaCallback(**{hook: lambda run, hook=hook: ends.append(hook) for hook in hooks})
    bridge = fit([seen], epochs=1, model=model)
    trained = bridge.run.dir
    model.val(data=str(drawn), batch=6, plots=False, workers=0, **quietly)
    results = model.predict(str(pictures), **quietly)
    exported = model.export(format="torchscript", imgsz=64, device="cpu")
    assert [bridge.run.dir, len(results)] == [trained, len(list(pictures.iterdir()))]
    assert exported.endswith(".torchscript")
    assert ends == ["on_val_end", "on_train_end", "on_val_end", "on_predict_end", "on_export_end"]

from __future__ import annotations

import base64
import importlib.util
import json
import math
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from lineside.callbacks.tensorboard import TensorBoard
from lineside.dispatch.background import BackgroundCallback
from lineside.dispatch.guard import Guard
from lineside.errors import AttachError, MissingDependency, OptionError
from lineside.events import Event
from lineside.ports import Capabilities
from lineside.reports.event_parts import unpacked, waiting
from lineside.run.attach import attach
from lineside.testing import CallbackContract, FakeModel, FakeRun

NAN, INF = math.nan, math.inf
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAD0lEQVR4nGNgQAX/oYBkDgCx2Qf5VLr3lQAAAABJRU5ErkJggg=="
)


def board(directory: Path) -> EventAccumulator:
    """What TensorBoard shows of a directory."""
    accumulator = EventAccumulator(
        str(directory), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    )
    return accumulator.Reload()


def written(run: FakeRun, directory: Path | None = None) -> EventAccumulator:
    """Do the jobs of a run, and read what they wrote."""
    while run.offloads:
        run.offloads.pop(0).run()
    return board(directory or run.dir / "tensorboard")


def scalars(shown: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in shown.Scalars(tag)]


class TestContract(CallbackContract):
    def make(self, **options: Any) -> TensorBoard:
        return TensorBoard(histograms="2 epochs", **options)

    def effects(self, run: FakeRun) -> list[Any]:
        run.state()  # hands over what is under way, as a save does
        parts = [json.loads(part.read_text()) for part in waiting(run.dir / ".tensorboard")]
        rows = [row for part in parts for series in part.get("series", ()) for row in unpacked(series)]
        scalars = [
            (step, name, value) for step, _, values in rows for name, value in values.items() if name[:4] != "time"
        ]
        histograms = [one | {"at": 0} for part in parts for one in part.get("histograms", ())]
        return [json.dumps(one) for one in [*scalars, *histograms]]


def test_scalars_of_epochs_and_batches() -> None:
    run = FakeRun([TensorBoard()], lr=0.5).play(2)
    shown = written(run)
    assert set(shown.Tags()["scalars"]) == {"train/loss", "val/loss", "lr", "time/epoch", "batch/loss"}
    assert scalars(shown, "train/loss") == [(2, 1.0), (4, 0.5)]
    assert scalars(shown, "val/loss") == [(2, 1.5), (4, 0.75)]
    assert scalars(shown, "batch/loss") == [(1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5)]
    assert [point.wall_time for point in shown.Scalars("batch/loss")][:2] == [1_700_000_001.0, 1_700_000_002.0]


def test_batches_may_be_left_out() -> None:
    shown = written(FakeRun([TensorBoard(batches=False)]).play(1))
    assert "batch/loss" not in shown.Tags()["scalars"]


def test_values_that_are_not_finite() -> None:
    run = FakeRun([TensorBoard()])
    for value in (NAN, INF, -INF, 0.0):
        run.epoch_end(loss=value)
    values = [value for _, value in scalars(written(run), "train/loss")]
    assert values == pytest.approx([NAN, INF, -INF, 0.0], nan_ok=True)


def test_texts_figures_and_images() -> None:
    run = FakeRun([TensorBoard()])
    run.start()
    run.log_text("notes", "Grüße 你好")
    run.log_figure("confusion", PNG)
    run.batch_end(loss=1.0)
    run.log_image("samples", PNG)
    run.log_artifact("model.onnx")
    run.train_end()
    shown = written(run)
    (text,) = shown.Tensors("notes")
    assert text.tensor_proto.string_val[0].decode() == "Grüße 你好"
    assert shown.SummaryMetadata("notes").plugin_data.plugin_name == "text"
    assert shown.Tags()["images"] == ["confusion", "samples"]
    (image,) = shown.Images("samples")
    assert (image.step, image.width, image.height, image.encoded_image_string) == (1, 2, 3, PNG)


def hparams(shown: EventAccumulator) -> dict[str, Any]:
    found = {}
    for tag in ("_hparams_/session_start_info", "_hparams_/session_end_info"):
        if tag in shown.Tags()["tensors"]:
            content = shown.SummaryMetadata(tag).plugin_data.content
            found[tag.split("/")[1]] = plugin_data_pb2.HParamsPluginData.FromString(content)
    return found


def test_hyper_parameters_and_the_end() -> None:
    given = {"lr": 0.5, "layers": 3, "amp": True, "opt": {"name": "adam", "betas": (0.9, 0.99)}, "seed": None}
    shown = hparams(written(FakeRun([TensorBoard()], hparams=given).play(1)))
    start = shown["session_start_info"].session_start_info
    assert start.group_name == "fake"
    assert start.hparams["lr"].number_value == 0.5
    assert start.hparams["layers"].number_value == 3
    assert start.hparams["amp"].bool_value is True
    assert start.hparams["opt/name"].string_value == "adam"
    assert start.hparams["opt/betas"].string_value == "(0.9, 0.99)"
    assert start.hparams["seed"].string_value == "None"
    assert shown["session_end_info"].session_end_info.status == api_pb2.STATUS_SUCCESS


def test_scalars_of_numpy_are_hyper_parameters_too() -> None:
    np = pytest.importorskip("numpy")
    given = {"lr": np.float64(0.5), "n": np.int64(3), "on": np.True_}
    run = FakeRun([TensorBoard()], hparams=given)
    run.start()
    shown = hparams(written(run))["session_start_info"].session_start_info.hparams
    assert [shown["lr"].number_value, shown["n"].number_value, shown["on"].string_value] == [0.5, 3.0, "True"]


def test_a_failure_is_noted() -> None:
    run = FakeRun([TensorBoard()])
    run.epoch_end(loss=0.5)
    run.fail(RuntimeError("boom"))
    assert hparams(written(run))["session_end_info"].session_end_info.status == api_pb2.STATUS_FAILURE


def test_histograms_of_weights_after_epochs_and_of_the_gradients_that_follow() -> None:
    model = FakeModel({"w": [-1.0, 0.0, 1.0, 3.0], "bad": [NAN, INF]}, {"w": [0.25, 0.5]})
    run = FakeRun([TensorBoard(histograms="2 epochs")], model=model).play(5)
    shown = written(run)
    assert shown.Tags()["histograms"] == ["weights/w", "gradients/w"]
    weights = shown.Histograms("weights/w")
    assert [point.step for point in weights] == [4, 8]
    value = weights[0].histogram_value
    assert (value.min, value.max, value.num, value.sum, value.sum_squares) == (-1.0, 3.0, 4.0, 3.0, 11.0)
    assert sum(value.bucket) == 4
    assert value.bucket_limit[-1] == 3.0
    assert [point.step for point in shown.Histograms("gradients/w")] == [4, 8]


def test_histograms_by_steps_are_taken_at_batches() -> None:
    run = FakeRun([TensorBoard(histograms="3 steps")], batches=4).play(2)
    shown = written(run)
    assert [point.step for point in shown.Histograms("weights/weight")] == [3, 6]


def test_a_histogram_may_be_taken_before_the_sink_has_seen_the_setup() -> None:
    callback = TensorBoard(histograms="1 epoch")
    run = FakeRun([callback])
    callback._take_weights(run)
    run.play(1)
    assert [point.step for point in written(run).Histograms("weights/weight")] == [0, 2]


def test_a_save_waits_until_what_was_logged_is_set_aside() -> None:
    guard = Guard(lambda hook: None, lambda title, text, hook: None)
    assert BackgroundCallback(TensorBoard(), guard, deque()).ask_state() is not None


def test_without_histograms_no_hook_is_inline() -> None:
    hooks = TensorBoard().hooks()
    assert not any(hook.inline for hook in hooks.values())
    assert Event.BACKWARD_END not in hooks


def test_histograms_need_a_model_but_no_gradients() -> None:
    events = frozenset(Event) - {Event.BACKWARD_END}
    attach([TensorBoard(histograms="1 epoch")], "keras", Capabilities(events, frozenset({"model"})))
    with pytest.raises(AttachError, match="needs model"):
        attach([TensorBoard(histograms="1 epoch")], "keras", Capabilities(events, frozenset()))
    attach([TensorBoard()], "keras", Capabilities(events, frozenset()))


def test_a_resumed_run_takes_back_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    run = FakeRun([TensorBoard()], dir=tmp_path)
    run.epoch_end(loss=0.5)
    state = run.state()
    run.epoch_end(loss=0.25)
    run.epoch_end(loss=0.125)
    written(run)
    again = FakeRun.resumed(state, [TensorBoard()], dir=tmp_path)
    again.epoch_end(loss=0.375)
    again.train_end()
    shown = written(again)
    assert scalars(shown, "train/loss") == [(2, 0.5), (4, 0.375)]
    assert [step for step, _ in scalars(shown, "batch/loss")] == [1, 2, 3, 4]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


def test_what_is_logged_before_the_training_starts_is_kept() -> None:
    run = FakeRun([TensorBoard()])
    run.emit("on_setup")
    run.log({"val/zero_shot": 0.5})
    run.emit("on_train_start")
    assert scalars(written(run), "val/zero_shot") == [(0, 0.5)]


def test_a_test_outside_of_training_supersedes_nothing(tmp_path: Path) -> None:
    run = FakeRun([TensorBoard()], dir=tmp_path).play(1)
    written(run)
    evaluation = FakeRun([TensorBoard()], dir=tmp_path)
    evaluation.attempt, evaluation.stage = 2, "test"
    evaluation.emit("on_setup")
    evaluation.log({"accuracy": 0.75})
    evaluation.emit("on_test_end")
    evaluation.emit("on_teardown")
    shown = written(evaluation)
    assert scalars(shown, "test/accuracy") == [(0, 0.75)]
    assert scalars(shown, "train/loss") == [(2, 1.0)]


def test_a_directory_of_ones_own_and_a_second_one_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = FakeRun([TensorBoard(log_dir="logs"), TensorBoard(name="epochs", batches=False)]).play(1)
    monkeypatch.chdir("/")
    assert "batch/loss" in written(run, tmp_path / "logs").Tags()["scalars"]
    assert board(run.dir / "epochs").Tags()["scalars"] == ["train/loss", "lr", "val/loss", "time/epoch"]


def test_what_waited_for_the_helper_when_the_run_was_killed_is_not_lost(tmp_path: Path) -> None:
    run = FakeRun([TensorBoard()], dir=tmp_path)
    run.epoch_end(loss=0.5)
    state = run.state()
    run.epoch_end(loss=0.25)
    run.offloads.clear()  # killed before the helper came to it
    again = FakeRun.resumed(state, [TensorBoard()], dir=tmp_path)
    again.epoch_end(loss=0.375)
    again.train_end()
    shown = written(again)
    assert scalars(shown, "train/loss") == [(2, 0.5), (4, 0.375)]
    assert [step for step, _ in scalars(shown, "batch/loss")] == [1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tensorboard"]


def test_without_tensorboard_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "lineside.callbacks.tensorboard.find_spec", lambda name: None if name == "tensorboard" else real(name)
    )
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[tensorboard\]'"):
        TensorBoard()


def test_histograms_must_be_a_duration() -> None:
    with pytest.raises(OptionError, match="histograms='10'"):
        TensorBoard(histograms="10")

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lineside.callbacks.prediction_samples import PredictionSamples
from lineside.errors import OptionError
from lineside.sink import Records, Sink
from lineside.testing import FakeRun

np = pytest.importorskip("numpy")


def batch(size: int, first: float = 0.0) -> tuple[Any, Any]:
    """A batch of vectors with class numbers, and scores; the samples are numbered."""
    x = np.arange(first, first + size)[:, None] * np.ones((1, 3))
    return (x, np.arange(size)), np.eye(5)[np.arange(size) % 5]


def played(callback: PredictionSamples, batches: Any, epochs: int = 1, **options: Any) -> FakeRun:
    run = FakeRun([callback], validation=batches, **options)
    for _ in range(epochs):
        run.epoch_end(loss=0.5, val_loss=0.4)
    return run


def taken(run: FakeRun) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.offloads[-1].arguments["taken"]
    return found


def numbers(part: Any) -> Any:
    return np.frombuffer(part["data"], np.float32).reshape(part["shape"])


def names(run: FakeRun) -> list[str]:
    return [Path(job.arguments["path"]).name for job in run.offloads]


# ---- what is taken --------------------------------------------------------------------------------------------------


def test_the_first_samples_are_taken_and_no_more() -> None:
    run = played(PredictionSamples(count=5), [batch(4), batch(4, first=10), batch(4, first=20)])
    first, second = taken(run)
    assert (first["count"], second["count"]) == (4, 1)
    assert numbers(first["inputs"])[:, 0].tolist() == [0, 1, 2, 3]
    assert numbers(second["inputs"]).tolist() == [[10, 10, 10]]
    assert numbers(first["outputs"]).shape == (4, 5)
    assert (first["targets"]["whole"], first["outputs"]["whole"]) == (True, False)


def test_they_are_the_same_in_every_picture() -> None:
    run = played(PredictionSamples(count=2), [batch(4)], epochs=3)
    assert names(run) == ["epoch-0001.png", "epoch-0002.png", "epoch-0003.png"]
    assert len({json.dumps(job.arguments["taken"], default=bytes.hex) for job in run.offloads}) == 1


def test_nothing_is_copied_from_the_device_when_no_picture_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun([PredictionSamples(every="2 epochs", count=4)], validation=[batch(4)] * 3)
    copied: list[Any] = []
    values = run.model.values
    monkeypatch.setattr(run.model, "values", lambda tensor: copied.append(tensor) or values(tensor))
    run.epoch_end(loss=0.5, val_loss=0.4)
    assert copied == []
    run.epoch_end(loss=0.5, val_loss=0.4)
    assert len(copied) == 3  # inputs, targets and outputs of one batch


def test_a_large_image_is_thinned_alike_along_its_sides() -> None:
    image = np.arange(3 * 1200 * 600, dtype=np.float64).reshape(1, 3, 1200, 600)
    run = played(PredictionSamples(), [((image, np.zeros(1, dtype=int)), np.zeros((1, 2)))])
    assert taken(run)[0]["inputs"]["shape"] == [1, 3, 400, 200]


def test_a_mask_is_thinned_as_its_image_and_scores_of_classes_are_not() -> None:
    image, mask = np.zeros((1, 1024, 1024, 3)), np.zeros((1, 1024, 1024), dtype=int)
    one = taken(played(PredictionSamples(), [((image, mask), np.zeros((1, 2, 1024, 1024)))]))[0]
    assert [one[name]["shape"] for name in ("inputs", "targets", "outputs")] == [
        [1, 512, 512, 3], [1, 512, 512], [1, 2, 512, 512],
    ]  # fmt: skip
    one = taken(played(PredictionSamples(), [((image, np.zeros(1, dtype=int)), np.zeros((1, 1024)))]))[0]
    assert one["outputs"]["shape"] == [1, 1024]


def test_scores_of_a_vocabulary_are_left_out() -> None:
    scores = np.broadcast_to(np.zeros(()), (8, 600, 5000))
    run = played(PredictionSamples(), [((np.zeros((8, 600)), None), scores)])
    assert taken(run)[0]["outputs"] is None


def test_texts_are_taken_as_they_are() -> None:
    run = played(PredictionSamples(count=2), [({"text": ["a", "b", "c"], "label": ["x", "y", "z"]}, ["u", "v"])])
    one = taken(run)[0]
    assert one == {"count": 2, "inputs": ["a", "b"], "targets": ["x", "y"], "outputs": None}


def test_parts_can_be_named() -> None:
    data = {"scan": np.ones((2, 3)), "kind": np.zeros(2, dtype=int)}
    callback = PredictionSamples(inputs="scan", targets="kind", outputs="guess")
    one = taken(played(callback, [(data, {"guess": np.full((2, 4), 7.0)})]))[0]
    assert numbers(one["inputs"]).tolist() == [[1] * 3] * 2
    assert numbers(one["targets"]).tolist() == [0, 0]
    assert numbers(one["outputs"])[0, 0] == 7


def test_inputs_alone_have_no_targets() -> None:
    assert taken(played(PredictionSamples(), [(np.ones((2, 3)), np.ones((2, 3)))]))[0]["targets"] is None


# ---- when -----------------------------------------------------------------------------------------------------------


def test_a_picture_comes_as_often_as_it_is_told_to() -> None:
    assert names(played(PredictionSamples(every="2 epochs"), [batch(4)], epochs=5)) == [
        "epoch-0002.png", "epoch-0004.png",
    ]  # fmt: skip
    assert names(played(PredictionSamples(every="3 steps"), [batch(4)], epochs=2)) == ["step-0000004.png"]


def test_a_validation_without_outputs_is_told_once() -> None:
    run = played(PredictionSamples(), [(None, None)], epochs=3)
    assert [alert.title for alert in run.alerts] == ["prediction-samples has nothing to show"]
    assert run.offloads == []


def test_a_validation_without_batches_is_told_too() -> None:
    assert len(played(PredictionSamples(), []).alerts) == 1


def test_a_resumed_run_draws_when_it_would_have_drawn() -> None:
    run = played(PredictionSamples(every="2 epochs"), [batch(4)], epochs=3)
    state = json.loads(json.dumps(run.state()["callbacks"]["prediction-samples"][0]))
    assert state == {"mark": 1, "warned": False}
    again = FakeRun.resumed(run.state(), [PredictionSamples(every="2 epochs")], validation=[batch(4)])
    again.epoch_end(loss=0.5, val_loss=0.4)
    assert names(again) == ["epoch-0004.png"]


def test_a_figure_is_asked_for_under_its_name() -> None:
    run = played(PredictionSamples(name="digits", classes=["a", 2], mean=0.5, std=[0.1, 0.2]), [batch(4)])
    (job,) = run.offloads
    assert (job.figure, job.key) == ("digits", None)
    assert job.arguments["path"] == str(run.dir / "plots" / "digits" / "epoch-0001.png")
    assert [job.arguments[option] for option in ("classes", "mean", "std")] == [["a", "2"], [0.5], [0.1, 0.2]]


# ---- options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"count": 0}, "count=0"),
        ({"classes": "ab"}, "classes='ab' must be a list"),
        ({"kind": "imgae"}, r"kind='imgae'\. Did you mean 'image'\?"),
        ({"mean": "0.5"}, "mean="),
        ({"mean": [0.5, float("inf")]}, "mean=inf"),
        ({"std": [0.5, 0]}, r"std=\[0.5, 0\] must not be 0"),
        ({"every": "often"}, "every='often' is not a duration"),
        ({"background": True}, "background=True"),
    ],
)
def test_bad_options_are_refused_at_construction(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=f"prediction-samples: {named}"):
        PredictionSamples(**options)


# ---- a real training ------------------------------------------------------------------------------------------------


class Figures(Sink):
    """Keeps the figures."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Any] = []

    def write(self, records: Records, run: Any) -> None:
        self.came += [(one.tag, one.step, one.data[:4]) for one in records.media if one.kind == "figure"]


def test_in_a_training_there_are_files_and_figures_of_each_epoch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from lineside.trainer import Trainer
    from tests.unit.trainer.toys import loader, net

    model, sink = net(), Figures()
    trainer = Trainer(
        model,
        torch.optim.SGD(model.parameters(), 0.1),
        torch.nn.functional.cross_entropy,
        callbacks=[PredictionSamples(on_error="raise", close_timeout=300.0), sink],
        run_dir=tmp_path,
        device="cpu",
    )
    result = trainer.fit(loader(), loader(20), epochs=2)
    folder = result.run / "plots" / "prediction_samples"
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-0001.png", "epoch-0002.png"]
    assert sink.came == [("prediction-samples", 4, b"\x89PNG"), ("prediction-samples", 8, b"\x89PNG")]

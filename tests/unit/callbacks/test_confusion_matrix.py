from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lineside.callbacks.confusion_matrix import ConfusionMatrix
from lineside.errors import OptionError
from lineside.sink import Records, Sink
from lineside.testing import FakeRun

BATCHES = [((None, [0, 1]), {"logits": [[0.9, 0.1], [0.2, 0.8]]}), ((None, [0]), {"logits": [[0.4, 0.6]]})]
"""Class 0 is taken for 0 once and for 1 once, class 1 for 1."""


def counted(run: FakeRun) -> list[Any]:
    return [job.arguments["cells"] for job in run.offloads]


def played(callback: ConfusionMatrix, batches: Any = BATCHES, epochs: int = 1, **options: Any) -> FakeRun:
    run = FakeRun([callback], validation=batches, **options)
    for _ in range(epochs):
        run.epoch_end(loss=0.5, val_loss=0.4)
    return run


def names(run: FakeRun) -> list[str]:
    return [Path(job.arguments["path"]).name for job in run.offloads]


# ---- counting -------------------------------------------------------------------------------------------------------


def test_a_whole_validation_is_counted_and_its_scores_are_metrics() -> None:
    run = played(ConfusionMatrix(classes=["cat", "dog"]))
    assert counted(run) == [[[0, 0, 1], [0, 1, 1], [1, 1, 1]]]
    assert run.metrics["val/macro_precision"] == 0.75
    assert run.metrics["val/macro_recall"] == 0.75
    assert run.metrics["val/macro_f1"] == pytest.approx(2 / 3)
    assert {name: run.metrics[name] for name in run.metrics if name.startswith("classes/")} == {
        "classes/precision/cat": 1.0,
        "classes/precision/dog": 0.5,
        "classes/recall/cat": 0.5,
        "classes/recall/dog": 1.0,
    }


def test_each_validation_begins_anew() -> None:
    run = played(ConfusionMatrix(), epochs=2)
    assert counted(run)[0] == counted(run)[1]
    assert names(run) == ["epoch-0001", "epoch-0002"]


def test_it_is_counted_as_often_as_it_is_told_and_nothing_in_between() -> None:
    assert names(played(ConfusionMatrix(every="3 epochs"), epochs=7)) == ["epoch-0003", "epoch-0006"]


def test_by_steps_pictures_bear_the_step() -> None:
    assert names(played(ConfusionMatrix(every="2 steps"))) == ["step-0000002"]


def test_a_validation_in_mid_epoch_waits_for_its_turn() -> None:
    run = FakeRun([ConfusionMatrix()], validation=BATCHES)
    run.batch_end(loss=0.5)
    run.val_end(loss=0.4)
    assert names(run) == []
    run.epoch_end(loss=0.5, val_loss=0.4)
    assert names(run) == ["epoch-0001"]


def test_the_classes_are_those_of_the_outputs_unless_they_are_given() -> None:
    shown = [
        played(ConfusionMatrix(classes=classes)).offloads[0].arguments["names"] for classes in (None, 3, ["a", "b"])
    ]
    assert shown == [["0", "1"], ["0", "1", "2"], ["a", "b"]]


def test_of_many_classes_only_the_means_are_metrics() -> None:
    run = played(ConfusionMatrix(classes=31))
    assert "val/macro_f1" in run.metrics
    assert not [name for name in run.metrics if name.startswith("classes/")]


def test_what_is_none_of_the_classes_is_told() -> None:
    run = played(ConfusionMatrix(), [((None, [-100, 1]), {"logits": [[0.9, 0.1], [0.2, 0.8]]})])
    assert run.offloads[0].arguments["left_out"] == 1


def test_one_score_a_sample_needs_a_threshold() -> None:
    run = played(ConfusionMatrix(threshold=0.0), [({"label": [0, 1, 1]}, {"logits": [-1.0, 1.0, -1.0]})])
    assert counted(run) == [[[0, 0, 1], [1, 0, 1], [1, 1, 1]]]


def test_outputs_and_targets_can_be_named() -> None:
    batch = {"kind": [0], "label": [1]}, {"guess": [[1.0, 0.0]], "logits": [[0.0, 1.0]]}
    assert counted(played(ConfusionMatrix(targets="kind", outputs="guess"), [batch])) == [[[0, 0, 1]]]


def test_a_figure_is_asked_for_under_its_name() -> None:
    run = played(ConfusionMatrix(name="bird-species"), project="birds", name="first", epochs=1)
    (job,) = run.offloads
    assert (job.figure, job.key) == ("bird-species", None)
    assert job.arguments["path"] == str(run.dir / "plots" / "bird_species" / "epoch-0001")
    assert (job.arguments["title"], job.arguments["subtitle"]) == ("birds / first", "epoch 1")


# ---- when there is nothing ------------------------------------------------------------------------------------------


def test_a_validation_without_outputs_is_told_once() -> None:
    run = FakeRun([ConfusionMatrix()])
    for _ in range(3):
        run.epoch_end(loss=0.5, val_loss=0.4)
    assert [alert.title for alert in run.alerts] == ["confusion-matrix has nothing to count"]
    assert run.offloads == []
    assert "val/macro_f1" not in run.metrics


def test_a_validation_without_batches_shows_nothing() -> None:
    assert played(ConfusionMatrix(), []).offloads == []


def test_a_run_without_validation_shows_nothing() -> None:
    run = FakeRun([ConfusionMatrix()], has_validation=False).play(2, lambda _: {"train/loss": 0.5})
    assert (run.offloads, run.alerts) == ([], [])


def test_a_resumed_run_counts_when_it_would_have_counted() -> None:
    run = played(ConfusionMatrix(every="2 epochs"), epochs=3)
    state = json.loads(json.dumps(run.state()["callbacks"]["confusion-matrix"][0]))
    assert state == {"mark": 1, "warned": False}
    again = FakeRun.resumed(run.state(), [ConfusionMatrix(every="2 epochs")], validation=BATCHES)
    again.epoch_end(loss=0.5, val_loss=0.4)
    assert names(again) == ["epoch-0004"]


# ---- tests and evaluations ------------------------------------------------------------------------------------------


def test_a_test_is_shown_and_its_means_are_metrics_of_the_test() -> None:
    run = FakeRun([ConfusionMatrix(every="9 epochs")])
    run.start()
    run.stage = "test"
    run.emit("on_test_start")
    for run.batch_data, run.outputs in BATCHES:
        run.emit("on_test_batch_end")
    run.emit("on_test_end")
    assert run.metrics["test/macro_recall"] == 0.75
    assert not [name for name in run.metrics if name.startswith(("classes/", "val/"))]
    assert run.offloads[0].arguments["subtitle"] == "test"


# ---- options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"classes": 1}, "classes=1"),
        ({"classes": ["a"]}, "classes=1"),
        ({"classes": "ab"}, "classes='ab' must be a number, or a list"),
        ({"classes": ["a", "b", "a"]}, "classes='a' must be"),
        ({"classes": ["a", "b\n"]}, r"classes='b\\n' must be"),
        ({"classes": 5001}, "5001 classes are too many"),
        ({"normalize": "truth"}, r"normalize='truth'\. Did you mean 'true'\?"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"every": 3}, "every=3 is not a duration"),
        ({"background": True}, "background=True"),
    ],
)
def test_bad_options_are_refused_at_construction(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=f"confusion-matrix: {named}"):
        ConfusionMatrix(**options)


# ---- a real training ------------------------------------------------------------------------------------------------


class Figures(Sink):
    """Keeps the figures."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Any] = []

    def write(self, records: Records, run: Any) -> None:
        self.came += [(one.tag, one.step, one.data[:4]) for one in records.media if one.kind == "figure"]


def test_in_a_training_there_are_files_figures_and_metrics(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("sklearn.metrics")
    from lineside.trainer import Trainer
    from tests.unit.trainer.toys import loader, net

    model, sink = net(), Figures()
    trainer = Trainer(
        model,
        torch.optim.SGD(model.parameters(), 0.1),
        torch.nn.functional.cross_entropy,
        callbacks=[ConfusionMatrix(classes=["no", "yes"], on_error="raise", close_timeout=300.0), sink],
        run_dir=tmp_path,
        device="cpu",
    )
    result = trainer.fit(loader(), loader(30), epochs=1)
    folder = result.run / "plots" / "confusion_matrix"
    assert sorted(path.name for path in folder.iterdir()) == [
        "epoch-0001-classes.csv",
        "epoch-0001.csv",
        "epoch-0001.png",
    ]
    assert sink.came == [("confusion-matrix", 4, b"\x89PNG")]
    inputs, targets = loader(30).dataset[:]
    expected = metrics.confusion_matrix(targets, model(inputs).argmax(1))
    rows = (folder / "epoch-0001.csv").read_text().splitlines()[1:]
    found = {tuple(row.split(",")[:2]): int(row.split(",")[2]) for row in rows}
    assert found == {
        (actual, guess): expected[i][j]
        for i, actual in enumerate(("no", "yes"))
        for j, guess in enumerate(("no", "yes"))
        if expected[i][j]
    }
    assert result.history["classes/recall/yes"] == [expected[1][1] / expected[1].sum()]
    trainer.validate(loader(30))
    assert (folder / "val.csv").read_text() == (folder / "epoch-0001.csv").read_text()

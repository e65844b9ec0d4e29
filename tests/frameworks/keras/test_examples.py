"""The examples run, and the page of the guide shows them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

keras = pytest.importorskip("keras", reason="the examples need keras, and a backend for it")

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"


def test_fit(capsys):
    ran = runpy.run_path(str(EXAMPLES / "keras_fit.py"))
    assert "all 8 epochs are done" in capsys.readouterr().out
    best = max(Path("models").iterdir(), key=lambda path: path.name)
    restored = keras.models.load_model(best)
    assert restored.evaluate(ran["x"][320:], ran["y"][320:], verbose=0)[0] == pytest.approx(
        ran["callbacks"][0].best, rel=1e-4
    )


def test_the_classic_trio_of_keras_and_ours_end_alike(capsys):
    ran, printed = runpy.run_path(str(EXAMPLES / "keras_classic.py")), capsys.readouterr().out
    assert ran["our_epochs"] == ran["their_epochs"]
    assert 6 <= len(ran["our_epochs"]) < 50, "the patience ended it"
    assert ran["our_best"].name == ran["their_best"].name
    assert re.fullmatch(r"model_\d\d_0\.\d\d\.h5", ran["our_best"].name)
    assert [path.name for path in Path("ours/checkpoints").iterdir()] == [ran["our_best"].name], "older ones are gone"
    assert printed.count("the same: True") == 4
    assert "the same: False" not in printed
    monitored = [line for line in printed.splitlines() if line.startswith("epoch ")]
    assert monitored[: len(monitored) // 2] == monitored[len(monitored) // 2 :]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="GradientTape is TensorFlow's")
def test_a_loop_of_tensorflow(capsys):
    ran = runpy.run_path(str(EXAMPLES / "tensorflow_loop.py"))
    assert "all 5 epochs are done" in capsys.readouterr().out
    losses = ran["run"].history["val/loss"]
    assert len(losses) == 5
    assert losses[-1] < losses[0]


def test_the_page_shows_what_is_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guide/keras.md").read_text("utf-8"), re.DOTALL)
    code = "".join(
        (EXAMPLES / f"{name}.py").read_text("utf-8") for name in ("keras_fit", "keras_classic", "tensorflow_loop")
    )
    assert len(blocks) == 3
    assert all(block in code for block in blocks)

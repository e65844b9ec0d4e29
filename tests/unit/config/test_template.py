from __future__ import annotations

from pathlib import Path

import pytest

from lineside.config.loading import load
from lineside.config.template import template
from lineside.store.reader import RunReader

PLANNED = """\
scheduler:
  torch.optim.lr_scheduler:CosineAnnealingLR:
    T_max: 20
"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_a_sound_file_in_the_language_of_the_reader(tmp_path, monkeypatch, language) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    text = template()
    assert ("训练" in text) == (language == "zh")
    path = tmp_path / "config.yaml"
    path.write_text(text, "utf-8")
    experiment = load(path)
    assert experiment.trainer["run_dir"] == "runs"
    assert [entry.cls.__name__ for entry in experiment.callbacks][:2] == ["ModelCheckpoint", "EarlyStopping"]
    assert not any(entry.cls.__name__ == "TensorBoard" for entry in experiment.callbacks)
    assert Path.cwd() == tmp_path


def planned(text: str) -> str:
    """Return the file with the scheduler that its comments offer, and without the plateau decay, as they say."""
    commented = "".join(f"# {line}" for line in PLANNED.splitlines(keepends=True))
    plateau = "reduce-lr-on-plateau:\n        patience: 3\n"
    assert commented in text
    assert plateau in text
    return text.replace(commented, PLANNED).replace(plateau, plateau.replace("patience: 3", "enabled: false"))


@pytest.mark.parametrize("variant", [str, planned], ids=["as it is", "with a scheduler"])
def test_it_follows_the_advice_that_lineside_gives(tmp_path, monkeypatch, variant) -> None:
    pytest.importorskip("sklearn", reason="the digits are those of scikit-learn")
    monkeypatch.setenv("LINESIDE_ADVICE", "-container-volume")  # which is about the machine
    path = tmp_path / "config.yaml"
    path.write_text(variant(template()), "utf-8")
    result = load(path, ["trainer.epochs=1"]).prepare().fit()
    with RunReader.open(result.run) as reader:
        (facts,) = reader.events("facts")
        assert "EarlyStopping" in [callback["kind"] for callback in facts.data["callbacks"]]
        assert [event.data["rule"] for event in reader.events("advice")] == []

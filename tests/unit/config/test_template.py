from __future__ import annotations

from pathlib import Path

import pytest

from lineside.config.loading import load
from lineside.config.template import template


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

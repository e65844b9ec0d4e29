from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lineside.cli import main
from tests.unit.cli.test_train import FILE


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lineside", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_sound_file(monkeypatch, capsys) -> None:
    Path("toy.yaml").write_text(FILE)
    assert run(monkeypatch, "config", "check", "toy.yaml") == 0
    said = "toy.yaml: no mistakes. It trains tests.unit.config.toys:Net; callbacks: ModelCheckpoint.\n"
    assert capsys.readouterr().out == said
    assert run(monkeypatch, "config", "check", "toy.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"file": "toy.yaml", "mistakes": []}
    assert not Path("runs").exists()


def test_all_mistakes_are_told_with_their_places(monkeypatch, capsys) -> None:
    Path("toy.yaml").write_text(FILE.replace("momentum", "momentm").replace("model-checkpoint", "model-chekpoint"))
    assert run(monkeypatch, "config", "check", "toy.yaml", "trainer.seed=x") == 2
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "toy.yaml has 3 mistakes:"
    assert lines[0] == "toy.yaml:4:30: optimizer: there is no 'momentm'. Did you mean 'momentum'?"
    assert run(monkeypatch, "config", "check", "toy.yaml", "trainer.seed=x", "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert told["mistakes"][0] == {
        "source": "toy.yaml",
        "line": 4,
        "column": 30,
        "entry": "optimizer",
        "message": "there is no 'momentm'. Did you mean 'momentum'?",
    }
    assert [one["line"] for one in told["mistakes"]] == [4, 9, None]


def test_a_file_that_is_not_there_is_a_mistake(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "config", "check", "no.yaml") == 2
    assert "no.yaml: it cannot be read: No such file or directory." in capsys.readouterr().out


def test_the_schema_is_printed(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "config", "schema") == 0
    printed = capsys.readouterr().out
    Draft202012Validator.check_schema(json.loads(printed))
    assert run(monkeypatch, "config", "schema", "--json") == 0
    assert capsys.readouterr().out == printed


def test_the_file_to_start_from_is_sound(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "config", "template") == 0
    Path("config.yaml").write_text(capsys.readouterr().out, "utf-8")
    assert run(monkeypatch, "config", "check", "config.yaml") == 0


def test_what_the_file_to_start_from_needs_is_said(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "config", "template") == 0
    file = capsys.readouterr().out
    assert "pip install 'lineside[demo]'" in file
    Path("config.yaml").write_text(file, "utf-8")
    monkeypatch.delitem(sys.modules, "lineside.cli.digits", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert run(monkeypatch, "config", "check", "config.yaml") == 2
    needed = "lineside.cli.digits needs scikit-learn, which is not installed. Run: pip install 'lineside[demo]'"
    assert needed in capsys.readouterr().out


@pytest.mark.parametrize(("language", "words"), [("en", "Tell all mistakes"), ("zh", "指出配置文件中的全部错误")])
def test_help_speaks_the_language_of_the_reader(monkeypatch, capsys, language, words) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(monkeypatch, "config", "--help") == 0
    assert words in capsys.readouterr().out

from __future__ import annotations

import sys

import pytest

from lineside.config.names import NameNotFound, find_object, importable, is_name
from lineside.trainer import Trainer


@pytest.mark.parametrize("text", ["a:b", "a.b:c", "a_1.b:c.d", "täst:naïve"])
def test_names(text) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", ["a", "a.b", "a:", ":b", "a:b:c", "a b:c", "cuda:0", "http://a", "a:b c", "1a:b", ""])
def test_other_texts(text) -> None:
    assert not is_name(text)


def test_what_a_name_stands_for_is_imported() -> None:
    assert find_object("lineside.trainer:Trainer") is Trainer
    assert find_object("lineside.trainer:Trainer.fit") is Trainer.fit


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torch.optim.Adam", "must be written as package.module:name. Did you mean 'torch.optim:Adam'?"),
        ("Adam", "'Adam' must be written as package.module:name."),
        ("torch.optim:SDG", "torch.optim has no 'SDG'. Did you mean 'SGD'?"),
        ("lineside.trainer:Trainer.fitt", "Trainer has no 'fitt'. Did you mean 'fit'?"),
        ("torch.optm:Adam", "the package 'torch' has no module 'optm'. Did you mean 'optim'?"),
        ("linesid:Trainer", "there is no module 'linesid'. Did you mean 'lineside'?"),
        ("lineside.trainer.more:x", "the package 'lineside.trainer' has no module 'more'."),
    ],
)
def test_what_is_wrong_is_said(name, message) -> None:
    with pytest.raises(NameNotFound) as refused:
        find_object(name)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_this_kind", "importing 'broken_here' failed: No module named 'nothing_of_this_kind'."),
        ("1 / 0", "importing 'broken_here' failed: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "importing 'broken_here' failed: SystemExit: 3"),
    ],
)
def test_a_module_that_breaks_is_told(tmp_path, code, message) -> None:
    (tmp_path / "broken_here.py").write_text(code)
    with importable(tmp_path), pytest.raises(NameNotFound) as refused:
        find_object("broken_here:x")
    assert str(refused.value).startswith(message)


def test_modules_beside_the_file_come_first_those_of_the_current_directory_last(tmp_path, monkeypatch) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    before = list(sys.path)
    with importable(there):
        assert sys.path == [str(there), *before, str(here)]
    assert sys.path == before


def test_a_path_that_a_module_added_stays(tmp_path) -> None:
    before = list(sys.path)
    with importable(tmp_path):
        sys.path.append("added")
    assert sys.path == [*before, "added"]
    sys.path.remove("added")

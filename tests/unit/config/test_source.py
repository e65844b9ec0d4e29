from __future__ import annotations

from pathlib import Path

import pytest

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.source import LARGEST, read_file


def told(path: Path) -> list[str]:
    problems = Problems()
    assert read_file(path, problems) is None
    return [str(problem) for problem in problems.found()]


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "a: 1"), ("a.YML", "a: 1"), ("a.toml", "a = 1")])
def test_the_suffix_says_the_format(tmp_path, name, text) -> None:
    (tmp_path / name).write_text(text)
    assert data_of(read_file(tmp_path / name, Problems())) == {"a": 1}


def test_marks_and_line_ends_of_windows_do_not_matter(tmp_path) -> None:
    (tmp_path / "a.yaml").write_bytes("\ufeffa: 1\r\nb: ä\r\n".encode())
    assert data_of(read_file(tmp_path / "a.yaml", Problems())) == {"a": 1, "b": "ä"}


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.yaml", b"", "a.yaml:1:1: the file is empty; it must have sections"),
        ("a.yaml", b"- 1", "a.yaml:1:1: the file holds a list; it must have sections"),
        ("a.yaml", b"a: 1\nb: \xff", "a.yaml:2: the byte 0xff is not UTF-8; save it as UTF-8."),
        ("a.json", b"{}", "a.json:1: '.json' is no known format. Use .yaml, .yml, .toml."),
        ("a.yaml", b"#" * (LARGEST + 1), "a.yaml:1: the file has more than 1,000,000 bytes"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, monkeypatch, name, data, problem) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    (found,) = told(Path(name))
    assert found.startswith(problem)


def test_a_file_may_be_as_large_as_the_limit(tmp_path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\n#" + b"x" * (LARGEST - 7))
    assert data_of(read_file(path, Problems())) == {"a": 1}


def test_a_file_that_is_not_there_is_told(tmp_path) -> None:
    assert told(tmp_path / "a.yaml")[0].endswith("a.yaml: it cannot be read: No such file or directory.")
    assert "Is a directory" in told(tmp_path)[0]

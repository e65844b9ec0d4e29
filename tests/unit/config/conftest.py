from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineside.config.loading import load
from lineside.config.problems import Problems
from lineside.config.tree import Node, Place
from lineside.config.yaml_file import read_yaml
from lineside.errors import ConfigError

SOUND = """\
model: tests.unit.config.toys:Net
data: tests.unit.config.toys:loaders
optimizer:
  torch.optim:SGD:
    lr: 1e-1
loss: torch.nn.functional:cross_entropy
trainer:
  epochs: 2
"""


@pytest.fixture
def problems() -> Problems:
    return Problems()


@pytest.fixture
def tree(problems: Problems) -> Callable[[str], Node]:
    """Read YAML that is sound."""

    def read(text: str) -> Node:
        node = read_yaml(text, Place("f.yaml", 1), problems)
        assert node is not None
        assert [str(problem) for problem in problems.found()] == []
        return node

    return read


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return the mistakes of a file, as lines."""
    monkeypatch.chdir(tmp_path)

    def find(text: str, *assignments: str, name: str = "f.yaml", **environment: str) -> list[str]:
        Path(name).write_text(text, "utf-8")
        try:
            load(name, assignments, environment)
        except ConfigError as error:
            return str(error).splitlines()
        return []

    return find

from __future__ import annotations

import logging

from lineside.config.problems import Problems
from lineside.config.record import ConfigRecord, hyper_parameters, recorded
from lineside.config.references import resolve_references
from lineside.testing import FakeRun
from lineside.testing.contract import CallbackContract


class TestConfigRecord(CallbackContract):
    def make(self, **options):
        return ConfigRecord("a: 1\n", **options)


def test_the_file_lies_in_the_directory_of_the_run(tmp_path) -> None:
    FakeRun([ConfigRecord("name: ä\n")], dir=tmp_path).start()
    assert (tmp_path / "config.yaml").read_text("utf-8") == "name: ä\n"


def test_another_configuration_than_before_is_told(tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING, "lineside"):
        FakeRun([ConfigRecord("a: 1\n")], dir=tmp_path).start()
        FakeRun([ConfigRecord("a: 1\n")], dir=tmp_path).start()
        assert caplog.messages == []
        FakeRun([ConfigRecord("a: 2\n")], dir=tmp_path).start()
    assert caplog.messages == ["The run goes on with another configuration than before; the one of now is kept."]
    assert (tmp_path / "config.yaml").read_text("utf-8") == "a: 2\n"


def test_secrets_are_not_recorded(tree) -> None:
    root = tree("a: [1, '${API_KEY}', {b: '${SIZE}'}]")
    resolve_references(root, {"API_KEY": "hunter2", "SIZE": "x"}, Problems(), "")
    assert recorded(root) == {"a": [1, "***", {"b": "x"}]}


def test_arguments_are_hyper_parameters(tree) -> None:
    root = tree(
        "model:\n  m:Net:\n    hidden: 8\n    act:\n      torch.nn:GELU:\n    sizes: [1, 2]\n"
        "optimizer: torch.optim:SGD\ndata:\n  train:\n    m:loader: {batch: 4}\ntrainer: {epochs: 3}\n"
    )
    assert hyper_parameters(root, ("model", "data", "optimizer", "scheduler")) == {
        "model": "m:Net",
        "model.hidden": 8,
        "model.act": "torch.nn:GELU",
        "model.sizes.0": 1,
        "model.sizes.1": 2,
        "data.train": "m:loader",
        "data.train.batch": 4,
        "optimizer": "torch.optim:SGD",
    }

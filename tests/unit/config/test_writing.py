from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.references import resolve_references
from lineside.config.tree import Items, Node, Place, Scalar, Table
from lineside.config.writing import to_yaml
from lineside.config.yaml_file import read_yaml

HERE = Place("f.yaml", 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=12)


def node(data) -> Node:
    if isinstance(data, dict):
        table = Table(HERE)
        for key, value in data.items():
            table.set(key, node(value), HERE)
        return table
    if isinstance(data, list):
        return Items(HERE, [node(one) for one in data])
    if isinstance(data, str):
        return Scalar(HERE, data, plain=False)
    return Scalar(HERE, {None: "", True: "true", False: "false"}.get(data, repr(data)))


def read(text: str) -> Node:
    problems = Problems()
    root = read_yaml(text, HERE, problems)
    assert problems.found() == []
    assert root is not None
    resolve_references(root, {}, problems, "")
    assert problems.found() == []
    return root


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_back(data) -> None:
    assert data_of(read(to_yaml(node(data)))) == data


@pytest.mark.parametrize(
    "text",
    ["no", "012", "1e-3", "3", "true", "null", "~", "", " ", "${A}", "$${A}", "a: b", "- a", "# a", "a #b", "'", "<<"],
)
def test_texts_that_look_like_something_else(text) -> None:
    assert data_of(read(to_yaml(node({"a": text, "b": [text]})))) == {"a": text, "b": [text]}


def test_numbers_stay_as_they_were_written(tree) -> None:
    text = 'lr: 1e-3\nsize: 0x10\nname: val/loss\nnothing: null\nquoted: "3"\nitems:\n- a: 1\n  b: 2\n- c\n'
    assert to_yaml(tree(text)) == text


def test_references_are_written_and_not_what_they_stand_for(tree) -> None:
    root = tree("a: ${TOKEN}\nb: '${SIZE}'\nc: $${A}\nd: ${here}/x\n")
    resolve_references(root, {"TOKEN": "hunter2", "SIZE": "3", "here": "/there"}, Problems(), "")
    assert to_yaml(root) == 'a: ${TOKEN}\nb: "${SIZE}"\nc: $${A}\nd: /there/x\n'


def test_other_readers_of_yaml_understand_it() -> None:
    data = {"a": "no", "b": "on", "c": [1, 2.5, "x"], "d": {"e": None}}
    assert yaml.safe_load(to_yaml(node(data))) == data

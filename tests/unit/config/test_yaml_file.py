from __future__ import annotations

import pytest

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.tree import Place
from lineside.config.yaml_file import MOST_NODES, read_yaml


def told(text: str) -> list[str]:
    problems = Problems()
    read_yaml(text, Place("f.yaml", 1), problems)
    return [str(problem) for problem in problems.found()]


def test_everything_knows_its_place(tree) -> None:
    root = tree("a:\n  - x\n  - {b: 1}\nc: |\n  two\n  lines\n")
    assert str(root.keys["c"]) == "f.yaml:4:1"
    assert str(root.entries["a"].items[1].entries["b"].place) == "f.yaml:3:9"
    assert data_of(root) == {"a": ["x", {"b": 1}], "c": "two\nlines\n"}


def test_quotes_and_blocks_are_texts(tree) -> None:
    assert data_of(tree("a: '1'\nb: \"true\"\nc: >\n  3\nd: 1")) == {"a": "1", "b": "true", "c": "3\n", "d": 1}


def test_on_the_command_line_there_are_no_lines() -> None:
    problems = Problems()
    node = read_yaml("[1, 2]", Place("command line, a"), problems)
    assert str(node.items[1].place) == "command line, a"
    read_yaml("[1, ", Place("command line, a"), problems)
    assert str(problems.found()[0]).startswith("command line, a: this is not YAML")


def test_anchors_are_copied(tree) -> None:
    root = tree("a: &x {lr: 1}\nb: *x\nc: {<<: *x, lr: 2, d: 3}\ne: {<<: [*x, {f: 4, lr: 5}]}\n")
    assert data_of(root) == {"a": {"lr": 1}, "b": {"lr": 1}, "c": {"lr": 2, "d": 3}, "e": {"lr": 1, "f": 4}}
    root.entries["b"].entries["lr"].text = "9"
    assert root.entries["a"].entries["lr"].text == "1"


def test_aliases_cannot_stand_for_billions() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (problem,) = told("\n".join(lines))
    assert problem == f"f.yaml:5:10: more than {MOST_NODES:,} values, aliases included."


def test_values_are_counted_without_aliases_too(monkeypatch) -> None:
    monkeypatch.setattr("lineside.config.yaml_file.MOST_NODES", 10)
    assert told("a: 1\nb: [" + "0, " * 10 + "]") == ["f.yaml:2:20: more than 10 values, aliases included."]


def test_an_alias_within_its_own_anchor_is_refused() -> None:
    assert told("a: &x [*x]") == ["f.yaml:1:8: there is no anchor &x before this alias."]


def test_a_merge_of_something_else_is_refused() -> None:
    assert told("a:\n  <<: 3") == ["f.yaml:2:7: <<: only mappings can be merged."]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: a: this key stands twice; the first is in line 1."),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os"),
        ("a: !secret x", "f.yaml:1:4: the tag '!secret' is not supported; quotes make a text of anything."),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins; give one."),
        ("[a]: 1", "f.yaml:1:1: a key must be a text, not a list."),
        ("a: [1,", "f.yaml:1:7: this is not YAML: while parsing a flow node, expected the node content"),
        ("a: b: c", "f.yaml:1:5: this is not YAML: mapping values are not allowed here."),
        ("a: 1\nb: \x07", "f.yaml:2: the character 0x07 is not allowed in YAML."),
        ("a:\n\t- b", "f.yaml:2:1: this is not YAML: while scanning for the next token, found character '\\t'"),
        ("[" * 60 + "]" * 60, "f.yaml:1:52: lists and mappings are nested more than 50 deep."),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_wrong_is_told_with_its_place(text, problem) -> None:
    assert told(text)[0].startswith(problem)


def test_all_duplicates_are_told() -> None:
    assert len(told("a: 1\na: 2\nb: {c: 1, c: 2}\n")) == 2


def test_nothing_is_null(tree) -> None:
    assert data_of(tree("")) is None
    assert data_of(tree("# a comment\n")) is None

from __future__ import annotations

import pytest

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.references import resolve_references
from lineside.config.tree import scalars


def resolved(tree, text, **variables):
    problems = Problems()
    root = tree(text)
    resolve_references(root, variables, problems, "")
    return root, [str(problem) for problem in problems.found()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${SIZE}", 64),
        ("'${SIZE}'", "64"),
        ("x${SIZE}", "x64"),
        ("${SIZE}${SIZE}", 6464),
        ("${NONE:-3}", 3),
        ("${EMPTY:-3}", 3),
        ("${NONE:-}", None),
        ("${SIZE:-3}", 64),
        ("${NONE:-a:b - c}", "a:b - c"),
        ("$${SIZE}", "${SIZE}"),
        ("$SIZE and $$", "$SIZE and $$"),
        ("${here}/data", "/there/data"),
    ],
)
def test_variables_are_put_in(tree, text, value) -> None:
    root, told = resolved(tree, f"a: {text}", SIZE="64", EMPTY="", here="/there")
    assert data_of(root) == {"a": value}
    assert told == []


def test_what_a_variable_holds_is_not_looked_at_again(tree) -> None:
    root, told = resolved(tree, "a: ${A}", A="${B}")
    assert (data_of(root), told) == ({"a": "${B}"}, [])


def test_keys_are_left_alone(tree) -> None:
    root, _ = resolved(tree, "${A}: 1", A="x")
    assert data_of(root) == {"${A}": 1}


def test_what_was_written_is_kept_but_for_the_directory(tree) -> None:
    root, _ = resolved(tree, "['x${A}', '${here}', '${here}/${A}', plain, '$${A}']", A="1", here="/there")
    assert [one.reference for one in scalars(root)] == ["x${A}", None, "/there/${A}", None, None]


def test_variables_that_are_missing_are_told_all_at_once(tree) -> None:
    _, told = resolved(tree, "a: {b: '${TOKN}'}\nc: [x, '${OTHER}']", TOKEN="1", UNLIKE="2")
    hint = " Did you mean 'TOKEN'?"
    assert told == [
        f"f.yaml:1:8: a.b: the environment variable TOKN is not set.{hint} Set it, or give a default: ${{TOKN:-…}}.",
        "f.yaml:2:8: c: the environment variable OTHER is not set. Set it, or give a default: ${OTHER:-…}.",
    ]


@pytest.mark.parametrize("text", ["${}", "${A", "${A:?no}", "${a-b}"])
def test_what_is_no_reference_is_told(tree, text) -> None:
    _, told = resolved(tree, f"a: '{text}'", A="1")
    assert "write ${NAME} or ${NAME:-default}, or $${ for it." in told[0]


@pytest.mark.parametrize(
    ("text", "secret"),
    [("a: ${API_KEY}", True), ("password: ${WORD}", True), ("a: ${HOME}", False), ("pad_token: ${PAD}", False)],
)
def test_secrets_are_known_by_name(tree, text, secret) -> None:
    root = tree(text)
    problems = Problems()
    resolve_references(root, {"API_KEY": "abc", "WORD": "abc", "HOME": "abc", "PAD": "abc"}, problems, "")
    assert next(scalars(root)).secret is secret
    assert problems.secrets == ({"abc"} if secret else set())


def test_only_the_secret_part_of_an_address_is_hidden(tree) -> None:
    root = tree("a: mailto://${MAIL_USER}:${MAIL_PASSWORD}@host")
    problems = Problems()
    resolve_references(root, {"MAIL_USER": "me", "MAIL_PASSWORD": "pw"}, problems, "")
    assert data_of(root) == {"a": "mailto://me:pw@host"}
    assert problems.secrets == {"pw"}

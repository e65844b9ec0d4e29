from __future__ import annotations

import pytest

from lineside.config.problems import Problem, Problems, place_of_option
from lineside.config.tree import Place
from lineside.errors import ConfigError


def test_they_come_in_the_order_of_the_file_and_the_command_line_last() -> None:
    problems = Problems()
    problems.add(Place("command line"), "", "c")
    problems.add(Place("f", 2, 1), "", "b")
    problems.add(Place("f", 1, 9), "e", "a")
    problems.add(Place("f", 1, 9), "e", "a")
    assert [str(problem) for problem in problems.found()] == ["f:1:9: e: a", "f:2:1: b", "command line: c"]
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("path", "entry", "told"),
    [
        ("trainer.epochs", "trainer.epochs", "command line, trainer.epochs: x"),
        ("trainer.epoch", "trainer", "command line, trainer.epoch: x"),
        ("optimizer", "optimizer.lr", "command line, optimizer: optimizer.lr: x"),
        ("trainers.epochs", "trainer", "command line, trainers.epochs: trainer: x"),
        ("a", "", "command line, a: x"),
    ],
)
def test_what_the_command_line_names_is_not_named_again(path, entry, told) -> None:
    assert str(Problem(Place.on_command_line(path), entry, "x")) == told


def test_secrets_do_not_appear() -> None:
    problems = Problems()
    problems.secrets |= {"pass", "password1"}
    problems.add(Place("f", 1), "", "password1 is not pass")
    assert problems.found()[0].message == "*** is not ***"


def test_all_are_raised_at_once() -> None:
    problems = Problems()
    problems.raise_any()
    problems.add(Place("f", 1), "a", "x")
    problems.add(Place("f", 2), "b", "y")
    with pytest.raises(ConfigError, match="f:1: a: x\nf:2: b: y") as refused:
        problems.raise_any()
    assert refused.value.problems[0] == Problem(Place("f", 1), "a", "x")


def test_an_option_is_found_by_what_the_message_says() -> None:
    places = {"patience": Place("f", 3), "min_delta": Place("f", 4)}
    assert place_of_option("x: min_delta=-1 must", places, Place("f", 1)) == Place("f", 4)
    assert place_of_option("delta=-1 must", places, Place("f", 1)) == Place("f", 1)

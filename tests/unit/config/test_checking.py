from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from lineside.config.checking import checked
from lineside.config.kinds import ANYTHING, kind_of
from lineside.config.problems import Problems
from lineside.config.references import resolve_references
from lineside.secret import Secret
from lineside.units import Duration


class Colour(Enum):
    RED = "red"


@pytest.fixture
def check(tree):
    """Return what a text says for an annotation, and what is wrong with it."""

    def check(text: str, annotation: Any, **variables: str):
        node, problems = tree(f"it: {text}").entries["it"], Problems()
        resolve_references(node, variables, problems, "it")
        kind = ANYTHING if annotation is Any else kind_of(annotation)
        value = checked(node, kind, "its.option", problems)
        return value, [problem.message for problem in problems.found()]

    return check


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", int, 3),
        ("1e-3", float, 0.001),
        ("3", float, 3.0),
        (".inf", float, float("inf")),
        ("true", bool, True),
        ("no", str, "no"),
        ("'3'", str, "3"),
        ("", int | None, None),
        ("a", Literal["a", "b"], "a"),
        ("32", Literal["32", "bf16"], "32"),
        ("a/b", Path, Path("a/b")),
        ("red", Colour, Colour.RED),
        ("[0.9, 1]", tuple[float, float], (0.9, 1.0)),
        ("[a, b]", Sequence[str], ["a", "b"]),
        ("{a: 1, b: [2]}", Mapping[str, Any], {"a": 1, "b": [2]}),
        ("5 epochs", str | Duration, "5 epochs"),
        ("x", str | Callable[[], int], "x"),
        ("[1, a, null, {b: 1.5}]", Any, [1, "a", None, {"b": 1.5}]),
        ("torch.nn:ReLU", Any, "torch.nn:ReLU"),
    ],
)
def test_what_fits_is_taken(check, text, annotation, value) -> None:
    found, told = check(text, annotation)
    assert told == []
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ("ten", int, "'ten' must be a whole number."),
        ("3.5", int, "3.5 must be a whole number."),
        ("1e3", int | None, "1e3 must be a whole number or null. Write 1000."),
        ("'3'", int, "'3' must be a whole number. Leave out the quotes."),
        ("true", int, "true must be a whole number."),
        ("1", bool, "1 must be true or false."),
        ("no", bool, "'no' must be true or false. Write false."),
        ("On", bool | None, "'On' must be true or false or null. Write true."),
        ("3", str, "3 must be a text. Put it into quotes."),
        ("null", str, "null must be a text."),
        ("[a]", str, "a list must be a text."),
        ("a", list[str], "'a' must be a list (of a text)."),
        ("[a, 3]", list[str], "3 must be a text. Put it into quotes."),
        ("[1, 2, 3]", tuple[int, int], "a list must be a list of 2."),
        ("{a: x}", dict[str, int], "'x' must be a whole number."),
        ("mim", Literal["min", "max"], "'mim' must be 'min' or 'max'. Did you mean 'min'?"),
        ("012", int, "'012' must be a whole number."),
        ("5", str | Duration, "5 must be a duration, such as '500 steps'."),
        ("5 epocs", str | Duration, "option='5 epocs': unknown unit 'epocs'. Did you mean 'epochs'?"),
        ("no", Any, "'no' is a text in YAML 1.2, and was none before: write false, or 'no' in quotes for the text."),
        ("{a: [012]}", dict[str, Any], "'012' is a text in YAML 1.2, and was none before: write 12, or '012' in"),
        ("x", Callable[[], int], "'x' must be an object (Callable): write 'package.module:name: {}', with its arg"),
        (
            "a:b",
            int | Callable[[], int],
            "'a:b' must be a whole number or an object (Callable). For an object write",
        ),
        ("abc", int | Callable[[], int] | None, "'abc' must be a whole number or null."),
        ("3", str | Callable[[], int], "3 must be a text or an object (Callable). Put it into quotes."),
    ],
)
def test_what_does_not_fit_is_told(check, text, annotation, message) -> None:
    _, told = check(text, annotation)
    assert len(told) == 1
    assert told[0].startswith(message)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("${N}", int, 12),
        ("'${N}'", int, 12),
        ("${N}", str, "12"),
        ("${N}", float | None, 12.0),
        ("${N}", Any, 12),
        ("'${N}'", Any, "12"),
        ("${B}", bool, True),
        ("'${B}'", bool | None, True),
    ],
)
def test_a_variable_is_what_the_option_wants(check, text, annotation, value) -> None:
    found, told = check(text, annotation, N="12", B="true")
    assert told == []
    assert found == value
    assert type(found) is type(value)


def test_a_message_does_not_show_what_a_variable_holds(check) -> None:
    _, (told,) = check("${N}", int, N="hunter2")
    assert told == "${N} must be a whole number."


def test_a_secret_comes_from_the_environment_alone(check) -> None:
    found, told = check("${PLAIN}", Secret | None, PLAIN="hunter2")
    assert (found, told) == (Secret("hunter2"), [])
    found, told = check("hunter2", Secret | None)
    assert (found, told) == (None, [told[0]])
    assert told[0].startswith("a secret must not stand in the file")
    assert check("null", Secret | None) == (None, [])

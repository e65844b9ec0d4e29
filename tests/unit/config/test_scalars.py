from __future__ import annotations

import math

import pytest

from lineside.config.scalars import doubt, read_plain


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0x1F", 31),
        ("0o14", 12),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("val/loss", "val/loss"),
        ("10 min", "10 min"),
    ],
)
def test_words_are_read_as_yaml_1_2_has_it(word, value) -> None:
    assert read_plain(word) == value
    assert type(read_plain(word)) is type(value)


@pytest.mark.parametrize(
    "word", ["yes", "No", "on", "OFF", "1_000", "1:30", "2024-01-01", "012", "1e", "e3", "1.2.3", "."]
)
def test_what_yaml_1_1_took_for_something_else_is_a_text(word) -> None:
    assert read_plain(word) == word


def test_not_a_number_is_one() -> None:
    assert math.isnan(read_plain(".nan"))


def test_digits_without_end_are_a_text_and_no_work() -> None:
    assert read_plain("9" * 100_000) == "9" * 100_000
    assert read_plain("0x" + "f" * 100_000) == "0x" + "f" * 100_000


@pytest.mark.parametrize(("word", "instead"), [("no", "write false"), ("On", "write true"), ("012", "write 12")])
def test_a_word_that_other_readers_take_for_something_else_is_in_doubt(word, instead) -> None:
    assert instead in doubt(word)


@pytest.mark.parametrize("word", ["none", "0.12", "0", "yes!", "n", "y"])
def test_other_words_are_in_no_doubt(word) -> None:
    assert doubt(word) is None

from __future__ import annotations

import math

import pytest

from lineside.errors import OptionError
from lineside.options import check_number, check_whole


@pytest.mark.parametrize("value", [1, 2, 10**12])
def test_whole_numbers_pass(value) -> None:
    check_whole("early-stopping", "patience", value, 1)


@pytest.mark.parametrize("value", [0, -1, 1.0, "3", None, True])
def test_what_is_no_whole_number_of_the_least_size_is_refused(value) -> None:
    with pytest.raises(OptionError) as refused:
        check_whole("early-stopping", "patience", value, 1)
    assert str(refused.value) == f"early-stopping: patience={value!r} must be a whole number, 1 or more."


@pytest.mark.parametrize("value", [0.0, 0, 0.999])
def test_numbers_within_their_limits_pass(value) -> None:
    check_number("plateau", "factor", value, least=0.0, below=1.0)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (math.nan, "must be a finite number"),
        (math.inf, "must be a finite number"),
        ("0.1", "must be a finite number"),
        (None, "must be a finite number"),
        (True, "must be a finite number"),
        (-0.1, "must be at least 0"),
        (1.0, "must be below 1"),
    ],
)
def test_numbers_outside_of_their_limits_are_refused(value, wrong) -> None:
    with pytest.raises(OptionError) as refused:
        check_number("plateau", "factor", value, least=0.0, below=1.0)
    assert str(refused.value) == f"plateau: factor={value!r} {wrong}."

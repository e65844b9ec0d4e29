from __future__ import annotations

import collections.abc
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, TypeVar

import pytest
import torch

from lineside.config.kinds import ANYTHING, kind_of
from lineside.destination import Address
from lineside.secret import Secret
from lineside.units import Duration

T = TypeVar("T")
Steps = NewType("Steps", int)


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("annotation", [Parameter.empty, Any, object, T, int | Any])
def test_without_a_type_anything_goes(annotation) -> None:
    assert kind_of(annotation) is ANYTHING


@pytest.mark.parametrize(
    ("annotation", "plain", "words"),
    [
        (int, int, "a whole number"),
        (float | None, float | None, "a number or null"),
        (bool, bool, "true or false"),
        (Literal["a", "b"], Literal["a", "b"], "'a' or 'b'"),
        (Path, Path, "a path"),
        (os.PathLike[str], Path, "a path"),
        (str | os.PathLike[str], str, "a text"),
        (Annotated[int, "x"], int, "a whole number"),
        (Steps, int, "a whole number"),
        (Colour, Colour, "'red'"),
        (Sequence[str], list[str], "a list (of a text)"),
        (collections.abc.Iterable[int | None], list[int | None], "a list (of a whole number or null)"),
        (tuple[int, float], tuple[int, float], "a list of 2"),
        (tuple[int, ...], tuple[int, ...], "a list (of a whole number)"),
        (Mapping[str, int], dict[str, int], "a mapping"),
        (set[int], set[int], "a list (of a whole number)"),
        (list, list, "a list"),
    ],
    ids=str,
)
def test_what_a_file_can_say(annotation, plain, words) -> None:
    kind = kind_of(annotation)
    assert (kind.plain, kind.words) == (plain, words)
    assert not kind.anything


def test_durations_are_texts() -> None:
    kind = kind_of(str | timedelta | Duration | None)
    assert kind.duration
    assert kind.words == "a duration, such as '500 steps' or null"
    assert kind_of(Duration).plain is str
    assert not kind.objects


def test_objects_are_named() -> None:
    assert kind_of(Callable[[int], int] | None).objects
    assert kind_of(torch.nn.Module).plain is None
    assert kind_of(torch.nn.Module).words == "an object (Module)"
    assert kind_of(int | torch.Tensor).words == "a whole number or an object (Tensor)"
    assert kind_of(int | torch.Tensor).plain_words == "a whole number"
    assert kind_of(Sequence[torch.nn.Module]).objects
    assert not kind_of(Sequence[str]).objects
    assert not kind_of(Literal["a"]).objects


def test_types_of_others_are_reduced_to_what_a_file_can_say() -> None:
    kind = kind_of(tuple[float | torch.Tensor, float | torch.Tensor])
    assert (kind.plain, kind.objects) == (tuple[float, float], True)


def test_secrets_are_known() -> None:
    kind = kind_of(Secret | None)
    assert kind.secret
    assert "null" in kind.words


@pytest.mark.parametrize(
    ("annotation", "loose"), [(dict[str, Any], True), (Any, True), (list, False), (list[int], False)]
)
def test_what_is_not_checked_is_known(annotation, loose) -> None:
    assert kind_of(annotation).loose is loose


@pytest.mark.parametrize(
    ("annotation", "numeric"), [(float | torch.Tensor, True), (int | None, True), (bool, False), (str | None, False)]
)
def test_numbers_are_known(annotation, numeric) -> None:
    assert kind_of(annotation).numeric is numeric


def test_choices_are_known() -> None:
    assert kind_of(Literal["a", 1] | None).literals == ("a", 1)


def test_addresses_keep_their_references_wherever_they_stand() -> None:
    for annotation in (
        Address,
        Address | None,
        Address | Sequence[Address],
        Address | Secret | Sequence[Address | Secret],
    ):
        kind = kind_of(annotation)
        assert (kind.address, kind.secret, kind.objects) == (True, False, False), annotation
    assert not kind_of(Annotated[str, "x"] | Sequence[str]).address

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from lineside.backends.torch.optimizers import groups, named
from lineside.errors import OptionError


def sgd(*names: str | None) -> SGD:
    options: list[dict[str, Any]] = [{"params": [nn.Parameter(torch.zeros(1))]} for _ in names]
    for group, name in zip(options, names, strict=True):
        group.update({} if name is None else {"name": name})
    return SGD(options, lr=0.1)


def group_names(optimizers: Any) -> list[str]:
    return [name for name, _, _ in groups(named(optimizers))]


def test_a_single_optimizer_has_no_name_and_its_groups_their_own() -> None:
    assert list(named(sgd(None))) == [""]
    assert group_names(sgd(None, "head")) == ["0", "head"]


def test_several_optimizers_stand_before_their_groups() -> None:
    assert group_names({"generator": sgd(None), "critic": sgd("a", None)}) == ["generator.0", "critic.a", "critic.1"]
    assert group_names([sgd(None), sgd("a")]) == ["0.0", "1.a"]
    assert group_names([sgd(None)]) == ["0"]


def test_two_groups_of_one_name_are_told_apart() -> None:
    assert group_names(sgd("a", "a")) == ["a", "1"]


def test_no_optimizer_is_no_mistake() -> None:
    assert group_names(None) == group_names([]) == []


@pytest.mark.parametrize("wrong", ["adam", nn.Linear(1, 1), {"a": None}, [3]])
def test_what_is_no_optimizer_is_refused(wrong: Any) -> None:
    with pytest.raises(OptionError, match=r"optimizer= takes a torch\.optim\.Optimizer"):
        named(wrong)

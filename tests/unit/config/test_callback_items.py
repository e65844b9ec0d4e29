from __future__ import annotations

import pytest

from lineside.callbacks.early_stopping import EarlyStopping
from lineside.config.callback_items import answers_to, classes, expand_presets, is_disabled, name_of, options_of_item
from lineside.config.checking import data_of
from lineside.config.names import NameNotFound
from lineside.config.problems import Problems
from tests.unit.config.toys import Mailer


@pytest.mark.parametrize("name", ["early-stopping", "EarlyStopping", "early_stopping"])
def test_registered_names(name) -> None:
    assert classes(name) == (EarlyStopping,)
    assert answers_to(EarlyStopping, name)
    assert not answers_to(Mailer, name)


def test_names_of_presets_and_of_modules() -> None:
    assert [cls.__name__ for cls in classes("iron-triangle")] == [
        "ModelCheckpoint",
        "EarlyStopping",
        "ReduceLROnPlateau",
    ]
    assert classes("tests.unit.config.toys:Mailer") == (Mailer,)
    assert answers_to(Mailer, "Mailer")
    assert answers_to(Mailer, "mailer")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EarlyStoping", "No callback is registered as 'EarlyStoping'. Did you mean 'early-stopping'?"),
        ("xyzzy", "No callback is registered as 'xyzzy'. There is: "),
        ("tests.unit.config.toys:Net", "tests.unit.config.toys:Net is no class of callbacks."),
        ("tests.unit.config.toys:Mail", "tests.unit.config.toys has no 'Mail'. Did you mean 'Mailer'?"),
    ],
)
def test_what_is_no_callback_is_told(name, message) -> None:
    with pytest.raises(NameNotFound) as refused:
        classes(name)
    assert str(refused.value).startswith(message)


def test_a_package_that_breaks_is_told(monkeypatch) -> None:
    def broken(name):
        raise ImportError("no libfoo.so")

    monkeypatch.setattr("lineside.config.callback_items.find", broken)
    with pytest.raises(NameNotFound, match=r"importing 'bell' failed: ImportError: no libfoo\.so"):
        classes("bell")


def test_members_of_the_list(tree) -> None:
    root = tree("- a\n- b: {c: 1, enabled: false}\n- d:\n- e: 1\n  f: 2\n- 3\n")
    assert [name_of(item) for item in root.items] == ["a", "b", "d", None, None]
    assert [options_of_item(item) is not None for item in root.items] == [False, True, False, False, False]
    assert [is_disabled(item) for item in root.items] == [False, True, False, False, False]


def expanded(tree, text):
    root, problems = tree(text), Problems()
    expand_presets(root, problems)
    return data_of(root), [str(problem) for problem in problems.found()]


def test_a_preset_becomes_its_members(tree) -> None:
    data, told = expanded(tree, "- progress-bar\n- iron_triangle\n- x\n")
    assert data == ["progress-bar", "model-checkpoint", "early-stopping", "reduce-lr-on-plateau", "x"]
    assert told == []


def test_options_of_a_preset_are_for_all_members_or_for_one(tree) -> None:
    text = "- iron-triangle:\n    EarlyStopping: {patience: 3, mode: max}\n    monitor: val/accuracy\n    mode: min\n"
    data, told = expanded(tree, text)
    assert told == []
    assert data == [
        {"model-checkpoint": {"monitor": "val/accuracy", "mode": "min"}},
        {"early-stopping": {"monitor": "val/accuracy", "mode": "max", "patience": 3}},
        {"reduce-lr-on-plateau": {"monitor": "val/accuracy", "mode": "min"}},
    ]


def test_a_misspelt_member_of_a_preset_is_told(tree) -> None:
    _, (told,) = expanded(tree, "- iron-triangle:\n    early-stoping: {patience: 3}\n")
    assert told.startswith("f.yaml:2:5: callbacks.iron-triangle: 'early-stoping' is none of its members.")
    assert told.endswith("There is: model-checkpoint, early-stopping, reduce-lr-on-plateau.")

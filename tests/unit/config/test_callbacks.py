from __future__ import annotations

import pytest

from lineside.config.callbacks import callback_options, read_callbacks
from lineside.config.problems import Problems
from lineside.config.reader import Reader
from lineside.config.references import resolve_references
from lineside.secret import Secret
from tests.unit.config.toys import Bare

TOYS = "tests.unit.config.toys"


@pytest.fixture
def read(tree):
    """Return the callbacks of a list, made, and what is wrong with them."""

    def read(text, **variables):
        problems = Problems()
        root = tree(text)
        resolve_references(root, variables, problems, "callbacks")
        entries = read_callbacks(root, Reader(problems), ("model",))
        told = [str(problem) for problem in problems.found()]
        return ([] if told else [entry.make({}) for entry in entries]), told

    return read


def test_names_and_names_with_options(read) -> None:
    (stop, bar), told = read("- EarlyStopping:\n    patience: 3\n    name: mine\n- progress-bar\n")
    assert told == []
    assert (stop.patience, stop.name, bar.name) == (3, "mine", "progress-bar")


def test_none_is_none(read) -> None:
    assert read("[]") == ([], [])
    assert read("") == ([], [])


def test_options_that_a_constructor_does_not_take_are_set_as_attributes(read) -> None:
    (bare,), told = read(f"- {TOYS}:Bare:\n    limit: 3\n    name: mine\n    on_error: raise\n")
    assert told == []
    assert (bare.limit, bare.name, bare.on_error) == (3, "mine", "raise")
    assert callback_options(Bare)[1] == {"name", "enabled", "on_error", "background", "ranks", "close_timeout"}


def test_one_that_is_switched_off_is_looked_at_and_not_made(read) -> None:
    assert read(f"- {TOYS}:Mailer: {{address: refused, enabled: false}}\n") == ([], [])
    assert read(f"- {TOYS}:Bare: {{enabled: '${{ON}}'}}\n", ON="false") == ([], [])
    _, told = read(f"- {TOYS}:Bare: {{limt: 3, enabled: false}}\n")
    assert told == [f"f.yaml:1:33: callbacks.{TOYS}:Bare: there is no 'limt'. Did you mean 'limit'?"]


def test_a_secret_is_handed_over_and_not_shown(read) -> None:
    (mailer,), _ = read(f"- {TOYS}:Mailer: {{token: '${{T}}', password: '${{P}}'}}\n", T="hunter2", P="pass123")
    assert (mailer.token, mailer.password) == (Secret("hunter2"), "pass123")
    _, (told,) = read(f"- {TOYS}:Mailer: {{password: '${{P}}', address: refused}}\n", P="pass123")
    assert told.endswith("Mailer could not be made: ValueError: None *** is refused")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("early-stopping", "f.yaml:1:1: callbacks: 'early-stopping' must be a list, with '- ' before each callback."),
        ("- 3", "f.yaml:1:3: callbacks: 3 must be the name of a callback."),
        ("- EarlyStoping", "f.yaml:1:3: callbacks: No callback is registered as 'EarlyStoping'. Did you mean"),
        ("- EarlyStopping:\n  patience: 3", "f.yaml:1:3: callbacks: 'patience' must be indented below 'EarlyStopping'"),
        ("- EarlyStopping: 3", "f.yaml:1:18: callbacks.EarlyStopping: 3 must be its options: 'name: value'."),
        ("- EarlyStopping: {patence: 3}", "f.yaml:1:19: callbacks.EarlyStopping: there is no 'patence'. Did you mean"),
        (
            "- EarlyStopping:\n    mode: min\n    patience: -1",
            "f.yaml:3:15: callbacks: early-stopping: patience=-1 must",
        ),
        ("- EarlyStopping: {monitor: a}", "f.yaml:1:3: callbacks: mode='auto' cannot tell"),
        (f"- {TOYS}:Bare", f"f.yaml:1:3: callbacks.{TOYS}:Bare: it needs 'limit'; give it."),
        (f"- {TOYS}:Bare: {{limit: 1, ranks: one}}", f"f.yaml:1:50: callbacks.{TOYS}:Bare.ranks: 'one' must be 'zero'"),
        (f"- {TOYS}:Mailer: {{token: abc}}", f"f.yaml:1:42: callbacks.{TOYS}:Mailer.token: a secret "),
        (f"- {TOYS}:Mailer: {{size: smal}}", f"f.yaml:1:41: callbacks.{TOYS}:Mailer.size: 'smal' must be 'small' or"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(read, text, problem) -> None:
    _, told = read(text)
    assert len(told) == 1
    assert told[0].startswith(problem)


def test_two_of_one_name_are_told(read) -> None:
    _, told = read("- progress-bar\n- EarlyStopping\n- EarlyStopping: {patience: 3}\n")
    assert told == [
        "f.yaml:3:3: callbacks: the callback of line 2 is called 'early-stopping', too; give this one another 'name'."
    ]


def test_one_that_needs_the_model_is_made_later(tree) -> None:
    problems = Problems()
    text = f"- {TOYS}:Mailer:\n    format_line:\n      functools:partial: [{{{TOYS}:grouped: {{lr: 1.0}}}}]\n"
    (entry,) = read_callbacks(tree(text), Reader(problems), ("model",))
    assert problems.found() == []
    assert entry.try_out(problems) is None
    assert problems.found() == []

from __future__ import annotations

import pytest

from lineside.advice import Advice, Facts, advise
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.errors import OptionError
from lineside.run.attach import described

FACTS = Facts(
    callbacks=described([EarlyStopping(patience=3), ReduceLROnPlateau(patience=3)]), container="docker", mount="/"
)


def rules(silence: str | None = None) -> list[str]:
    return [one.rule for one in advise(FACTS, silence)]


def test_warnings_come_first() -> None:
    given = advise(FACTS, "")
    assert [one.rule for one in given] == ["plateau-patience", "container-volume", "restore-best-weights", "min-delta"]
    assert [one.level for one in given] == ["warning", "warning", "info", "info"]
    assert all(isinstance(one, Advice) and one.text and one.source for one in given)


@pytest.mark.parametrize(
    ("silence", "left"),
    [
        ("off", []),
        ("-min-delta", ["plateau-patience", "container-volume", "restore-best-weights"]),
        ("-min-delta,-container-volume", ["plateau-patience", "restore-best-weights"]),
        (" -min-delta  -restore-best-weights ,", ["plateau-patience", "container-volume"]),
    ],
)
def test_rules_can_be_silenced(silence: str, left: list[str]) -> None:
    assert rules(silence) == left


def test_the_environment_silences_unless_the_caller_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_ADVICE", "off")
    assert rules() == []
    assert len(rules("")) == 4
    monkeypatch.setenv("LINESIDE_ADVICE", "-min-delta")
    assert "min-delta" not in rules()
    monkeypatch.delenv("LINESIDE_ADVICE")
    assert len(rules()) == 4


@pytest.mark.parametrize("word", ["-min_delta", "min-delta", "of", "-", "0"])
def test_an_unknown_word_is_refused_with_those_that_are_known(word: str) -> None:
    with pytest.raises(OptionError, match=r"LINESIDE_ADVICE: '.*' is unknown.*-min-delta"):
        advise(FACTS, word)

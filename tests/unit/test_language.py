from __future__ import annotations

import pytest

from lineside.errors import OptionError
from lineside.language import language, text


def test_english_unless_set() -> None:
    assert language() == "en"
    assert text("epoch", "轮次") == "epoch"


@pytest.mark.parametrize(("value", "expected"), [("en", "epoch"), ("zh", "轮次"), ("", "epoch")])
def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    monkeypatch.setenv("LINESIDE_LANG", value)
    assert text("epoch", "轮次") == expected


def test_an_unknown_language_is_refused_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zn")
    with pytest.raises(OptionError, match=r"LINESIDE_LANG='zn'.*Did you mean 'zh'\?.*en or zh"):
        language()

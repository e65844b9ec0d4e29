from __future__ import annotations

import pytest

from lineside.cli.exit_codes import ExitCode, meanings


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_is_explained(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    words = meanings().replace("：", ": ").replace("；", "; ").replace(":", "").replace(";", "").split()
    assert [int(word) for word in words if word.isdigit()] == list(ExitCode)

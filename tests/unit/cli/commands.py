"""Calling a command as a terminal does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lineside.cli.exit_codes import ExitCode
from lineside.cli.program import program
from lineside.errors import LinesideError


@dataclass(frozen=True)
class Called:
    """What a command printed and how it ended; `error` is the message that `lineside.cli.main` would show."""

    code: int
    out: str
    error: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def call(*arguments: str | Path, width: int | None = 80, language: str = "en", stdin: str | None = None) -> Called:
    """Call a command of a terminal of some width; None for a file or a pipe."""
    with pytest.MonkeyPatch.context() as patch:
        # For all of it: the help is written in the language in which its texts are read.
        patch.setenv("LINESIDE_LANG", language)
        patch.delenv("COLUMNS", raising=False) if width is None else patch.setenv("COLUMNS", str(width))
        result = CliRunner().invoke(program(), list(map(str, arguments)), input=stdin)
    error = result.exception
    if error is not None and not isinstance(error, (LinesideError, SystemExit)):
        raise error
    if isinstance(error, LinesideError):
        return Called(ExitCode.FAILED, result.stdout, str(error))
    return Called(result.exit_code, result.stdout, result.stderr)

from __future__ import annotations

import pytest
from rich.cells import cell_len

from lineside.cli.program import commands
from tests.unit.cli.commands import call

NAMES = [command.name for members in commands().values() for command in members]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_commands_fit_on_a_screen(language: str) -> None:
    lines = call("--help", language=language).out.splitlines()
    assert len(lines) <= 30  # one for each command, and little else
    assert max(map(cell_len, lines)) <= 80
    for name in NAMES:
        assert any(f" {name} " in line for line in lines)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_each_command_fits_on_a_screen(name: str, language: str) -> None:
    called = call(name, "--help", language=language)
    assert called.code == 0
    lines = called.out.splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80


def test_every_command_that_shows_something_can_show_json() -> None:
    silent = {
        "demo",
        "config",
        "alerts",
        "run",
        "watch",
    }  # groups, whose commands can, and what becomes another process
    assert [name for name in NAMES if name not in silent and "--json" not in call(name, "--help").out] == []


def test_nothing_is_help_and_a_misspelt_command_has_a_nearest() -> None:
    assert "All runs, the newest first." in call().out + call().error
    called = call("shwo")
    assert called.code == 2
    assert "Did you mean 'show'" in called.error

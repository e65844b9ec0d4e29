from __future__ import annotations

import sys

from lineside.cli.command import Command


def test_a_command_is_imported_when_it_is_loaded(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "lineside.cli.unpause", raising=False)
    command = Command("go-on", "unpause:unpause", "Go on.")
    assert "lineside.cli.unpause" not in sys.modules
    loaded = command.load()
    assert "lineside.cli.unpause" in sys.modules
    assert (loaded.name, loaded.help) == ("go-on", "Go on.")


def test_a_group_keeps_its_own_commands() -> None:
    loaded = Command("config", "config_commands:config_program", "Files.", is_group=True).load()
    assert (loaded.name, loaded.help) == ("config", "Files.")
    assert "check" in loaded.commands

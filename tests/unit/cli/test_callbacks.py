from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from lineside import registry
from lineside.callback import Callback
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.cli import callback_description
from lineside.cli.callback_description import CallbackDescription, described
from tests.unit.cli.commands import call


class Bell(Callback):
    """Rings a bell
    whenever asked.

    It is loud.

    Args:
        tone: which one, of all
            the bells.
        volume (float): from 0 to 1: no more.
    """

    def __init__(self, tone: str, volume: float = 0.5, **options: Any) -> None:
        super().__init__(**options)

    def on_epoch_end(self, run: Any) -> None: ...
    def on_train_batch_end(self, run: Any) -> None: ...


class Distribution:
    name, version = "bells", "2.1"


@pytest.fixture
def third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names that another distribution registers: a good one, and one whose module does not import."""
    module = ModuleType("bells")
    module.Bell = Bell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bells", module)

    def entries(group: str) -> list[EntryPoint]:
        assert group == registry.GROUP
        made = [EntryPoint("bell", "bells:Bell", group), EntryPoint("gong", "nowhere_to_be_found:Gong", group)]
        for entry in made:
            vars(entry)["dist"] = Distribution
        return made

    monkeypatch.setattr(registry, "entry_points", entries)
    monkeypatch.setattr(callback_description, "entry_points", entries)


def test_all_are_listed_those_of_others_and_broken_ones_too(third_parties: None) -> None:
    called = call("callbacks", width=150)
    assert called.code == 0
    assert re.search(r"^bell +Rings a bell whenever asked\. \[bells 2\.1\] *$", called.out, flags=re.MULTILINE)
    assert re.search(
        r"^gong +ModuleNotFoundError: No module named 'nowhere_to_be_found'", called.out, flags=re.MULTILINE
    )
    assert re.search(
        r"^early-stopping +Ends the training when a metric has not improved", called.out, flags=re.MULTILINE
    )
    assert re.search(
        r"^iron-triangle +A preset: ModelCheckpoint, EarlyStopping, ReduceLROnPlateau\.", called.out, flags=re.MULTILINE
    )


def test_one_is_shown_with_options_defaults_and_their_documentation(third_parties: None) -> None:
    out = call("callbacks", "bell", width=100).out
    assert "It is loud." in out
    assert re.search(r"tone +must be given +which one, of all the bells\. \(str\)", out)
    assert re.search(r"volume +0\.5 +from 0 to 1: no more\. \(float\)", out)
    assert re.search(r"on_error +'isolate' +", out)
    assert "Looks at: on_batch_end, on_epoch_end" in out


@pytest.mark.parametrize("name", ["early-stopping", "EarlyStopping", "early_stopping"])
def test_any_spelling_finds_it(name: str) -> None:
    assert call("callbacks", name, "--json").document["target"].endswith(":EarlyStopping")


def test_every_option_of_every_built_in_is_documented() -> None:
    missing = [
        f"{each['name']}.{option['name']}"
        for each in call("callbacks", "--json").document
        for option in each["options"]
        if not option["doc"]
    ]
    assert missing == []


def test_options_of_a_base_class_are_documented_there() -> None:
    class Quiet(Bell):
        """Rings softly."""

        def __init__(self, volume: float = 0.1, **options: Any) -> None:
            super().__init__("c", volume, **options)

    (option,) = CallbackDescription.of("quiet", Quiet, "").options
    assert option.doc == "from 0 to 1: no more."


def test_what_it_needs_is_told() -> None:
    class Needy(Callback):
        """Needs much."""

        needs = frozenset({"restore", "set_lr"})

    assert CallbackDescription.of("needy", Needy, "").needs == ("restore", "set_lr")


def test_a_preset_names_its_members() -> None:
    document = call("callbacks", "iron-triangle", "--json").document
    assert document["preset"] == ["model-checkpoint", "early-stopping", "reduce-lr-on-plateau"]
    assert "ModelCheckpoint" in call("callbacks", "iron-triangle").out


def test_an_unknown_name_has_a_nearest() -> None:
    called = call("callbacks", "early-stoping")
    assert called.code == 1
    assert "Did you mean 'early-stopping'?" in called.error


def test_the_shape_of_the_json(third_parties: None) -> None:
    document = call("callbacks", "bell", "--json").document
    assert " ".join(document) == "name target package sentence text options common hooks needs preset error"
    assert document["package"] == "bells 2.1"
    assert document["options"][0] == {
        "name": "tone",
        "type": "str",
        "default": None,
        "doc": "which one, of all the bells.",
    }
    assert {option["name"] for option in document["common"]} == {
        *("name", "enabled", "on_error", "background", "ranks", "close_timeout"),
    }
    broken = next(each for each in call("callbacks", "--json").document if each["name"] == "gong")
    assert broken["error"].startswith("ModuleNotFoundError")


def test_hooks_with_names_of_other_frameworks_are_told_by_ours() -> None:
    assert described("early-stopping").name == "early-stopping"
    assert "on_val_end" in CallbackDescription.of("x", EarlyStopping, "").hooks

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from lineside.config.checking import data_of
from lineside.config.problems import Problems
from lineside.config.schema import json_schema
from lineside.config.template import template
from lineside.config.tree import Place
from lineside.config.yaml_file import read_yaml
from lineside.registry import names
from tests.unit.config.conftest import SOUND
from tests.unit.config.test_experiment import FULL


@pytest.fixture(scope="module")
def schema():
    return json_schema()


@pytest.fixture(scope="module")
def errors(schema):
    """Return where a file breaks the schema."""

    def find(text: str) -> list[str]:
        root = read_yaml(text, Place("f.yaml", 1), Problems())
        return [error.json_path for error in Draft202012Validator(schema).iter_errors(data_of(root))]

    return find


def test_the_schema_is_one(schema) -> None:
    Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        FULL,
        template(),
        SOUND + "callbacks:\n",
        SOUND + "  precision: 32\n  validate_every: 500 steps\n  hparams: {a: 1}\n  seed:\n",
        SOUND + "  seed: ${SEED}\n  accumulate: ${N:-2}\n",
        SOUND + "callbacks: [early-stopping, EarlyStopping, iron-triangle, 'm.n:Class']\n",
        SOUND + "callbacks:\n  - EarlyStopping: {patience: 3, on_error: raise, enabled: false}\n  - m:Class: {x: 1}\n",
        SOUND + "callbacks:\n  - tensorboard:\n  - iron-triangle: {EarlyStopping: {patience: 3}}\n",
        SOUND + "callbacks:\n  - lambda: {on_epoch_end: {object: builtins:print}}\n",
        SOUND.replace("data: tests.unit.config.toys:loaders", "data: {train: 'm:f', val: {'m:f': {a: 1}}}"),
    ],
)
def test_a_good_file_fits(errors, text) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SOUND.replace("model:", "modle:"), "$"),
        (SOUND.replace("epochs: 2", "epochs: two"), "$.trainer.epochs"),
        (SOUND.replace("epochs: 2", "seed: 2"), "$.trainer"),
        (SOUND + "  precision: fp17\n", "$.trainer.precision"),
        (SOUND + "  projct: a\n", "$.trainer"),
        (SOUND + "step: m:f\n", "$"),
        (SOUND.replace("toys:Net", "toys.Net"), "$.model"),
        (SOUND + "callbacks: [early-stoping]\n", "$.callbacks"),
        (SOUND + "callbacks:\n  - EarlyStopping: {patience: ten}\n", "$.callbacks"),
        (SOUND + "callbacks:\n  - EarlyStopping: {patence: 3}\n", "$.callbacks"),
        (SOUND + "callbacks:\n  - EarlyStopping: {mode: mim}\n", "$.callbacks"),
        (SOUND + "callbacks:\n  - EarlyStopping:\n    patience: 3\n", "$.callbacks"),
        (SOUND.replace("data: tests.unit.config.toys:loaders", "data: {val: 'm:f'}"), "$.data"),
    ],
)
def test_a_bad_file_does_not(errors, text, place) -> None:
    assert place in errors(text)


def test_every_callback_stands_in_it_with_a_sentence(schema) -> None:
    alternatives = schema["properties"]["callbacks"]["anyOf"][0]["items"]["anyOf"]
    described = {one["const"]: one["description"] for one in alternatives if "const" in one}
    assert described.keys() == set(names())
    assert all(described.values())


def test_options_have_types_choices_defaults_and_descriptions(schema) -> None:
    options = schema["$defs"]["callback:early-stopping"]["properties"]
    assert options["patience"]["default"] == 15
    assert options["patience"]["description"].startswith("values in a row without improvement")
    assert {"type": "integer"} in options["patience"]["anyOf"]
    assert options["mode"]["anyOf"][0]["enum"] == ["auto", "min", "max"]
    assert options["name"]["default"] == "early-stopping"
    assert options["close_timeout"]["description"].startswith("seconds that a background callback gets")
    assert schema["$defs"]["callback:tensorboard"]["properties"]["close_timeout"]["default"] == 30.0
    trainer = schema["properties"]["trainer"]["properties"]
    assert {"epochs", "precision", "validate_every", "hparams", "run_dir", "compile"} <= trainer.keys()
    assert all(one["description"] for one in trainer.values())


def test_a_callback_that_cannot_be_imported_takes_any_option(monkeypatch) -> None:
    monkeypatch.setattr("lineside.config.schema.names", lambda: ["not-there"])
    assert json_schema()["$defs"]["callback:not-there"] == {}

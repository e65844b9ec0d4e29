"""The JSON Schema of configurations, so that editors complete, explain and check them while they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from lineside.callback import Callback
from lineside.config.callback_items import classes
from lineside.config.callbacks import callback_options
from lineside.config.checking import adapter
from lineside.config.docstrings import summary
from lineside.config.kinds import Kind, kind_of
from lineside.config.loaders import STAGES
from lineside.config.names import NameNotFound
from lineside.config.reader import OBJECT
from lineside.config.scalars import read_plain
from lineside.config.sections import FUNCTIONS, INTERVALS, trainer_options
from lineside.config.signatures import Option, options_of
from lineside.registry import names

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_NAME: Final = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$"
_EXAMPLE: Final = "package.module:name"
_REFERENCE: Final = {"$ref": "#/$defs/reference"}
_TARGET: Final = {"$ref": "#/$defs/target"}
_OBJECT: Final = {"$ref": "#/$defs/object"}
_NOTHING: Final = {"type": "null"}

Schema = dict[str, Any]


def json_schema() -> Schema:
    """Return the schema, with the options of all callbacks that are installed.

    Raises:
        MissingDependency: PyTorch is not installed.
    """
    of_trainer, of_fit = trainer_options()
    definitions: Schema = {
        "reference": {
            "type": "string",
            "pattern": r"\$\{",
            "description": "A variable of the environment: ${NAME}, or ${NAME:-default}.",
        },
        "name": {"type": "string", "pattern": _NAME, "description": f"A class or function: {_EXAMPLE}."},
        "object": {
            "description": "What a class or function makes of its arguments, or, with 'object', what is named itself.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {OBJECT: {"$ref": "#/$defs/name"}},
            "patternProperties": {_NAME: {"type": ["object", "array", "null"]}},
            "additionalProperties": False,
        },
        "target": {"anyOf": [{"$ref": "#/$defs/name"}, {"$ref": "#/$defs/object"}]},
    }
    section = {
        "model": _TARGET | {"description": "The model: a class or function with its arguments."},
        "data": _data(),
        "optimizer": _TARGET | {"description": "The optimizer; its argument params is filled in."},
        "scheduler": _scheduler(),
        "loss": _optional(_TARGET, "Called as loss(outputs, targets)."),
        "step": _optional(_TARGET, "Called as step(model, batch, run), in place of a loss."),
        "metrics": _optional(
            {"type": "object", "additionalProperties": _TARGET}, "By name, each called as f(outputs, targets)."
        ),
        "callbacks": _optional({"type": "array", "items": _callback(definitions)}, "In this order."),
        "trainer": {
            "type": "object",
            "description": "Options of the trainer and of its fit.",
            "properties": _options([*of_trainer.named.values(), *of_fit.named.values()], definitions),
            "additionalProperties": False,
            "anyOf": [{"required": ["epochs"]}, {"required": ["steps"]}],
        },
    }
    return {
        "$schema": DIALECT,
        "title": "Lineside configuration",
        "description": "A training from a file: lineside train config.yaml",
        "type": "object",
        "properties": section,
        "required": ["model", "data", "optimizer", "trainer"],
        "oneOf": [{"required": [name]} for name in FUNCTIONS],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _optional(schema: Schema, description: str) -> Schema:
    return {"anyOf": [schema, _NOTHING], "description": description}


def _data() -> Schema:
    by_stage = {
        "type": "object",
        "properties": dict.fromkeys(STAGES, _TARGET),
        "required": [STAGES[0]],
        "additionalProperties": False,
    }
    return {"anyOf": [by_stage, _TARGET], "description": f"All loaders at once, or one each: {', '.join(STAGES)}."}


def _scheduler() -> Schema:
    pair = {"type": "array", "prefixItems": [_TARGET, {"enum": list(INTERVALS)}], "minItems": 2, "maxItems": 2}
    return _optional({"anyOf": [_TARGET, pair]}, "A scheduler, or a list of it and 'epoch' or 'step'.")


# ---- callbacks -----------------------------------------------------------------------------------------------------


def _callback(definitions: Schema) -> Schema:
    """Return the schema of a member of the list, and define the options of every callback."""
    known: Schema = {}
    described: list[Schema] = []
    for name in names():
        try:
            found = classes(name)
        except NameNotFound:  # a package is broken, or a library missing: the name is known, and no more
            found = ()
        reference = f"callback:{name}"
        definitions[reference] = _options_of_callback(found[0], definitions) if len(found) == 1 else {}
        title = summary(found[0]) if len(found) == 1 else " ".join(cls.__name__ for cls in found)
        described.append({"const": name, "description": title})
        for spelling in (name, *(cls.__name__ for cls in found if len(found) == 1)):
            known[spelling] = {"$ref": f"#/$defs/{reference}", "description": title}
    with_options = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": known,
        "patternProperties": {_NAME: {"type": ["object", "null"]}},
        "additionalProperties": False,
    }
    return {"anyOf": [*described, {"enum": sorted(known)}, {"$ref": "#/$defs/name"}, with_options]}


def _options_of_callback(cls: type[Callback], definitions: Schema) -> Schema:
    options, _ = callback_options(cls)
    common = options_of(Callback).named
    # A class may have its own defaults of the common options.
    listed = [
        Option(name, one.annotation, getattr(cls, name), common[name].description) if name in common else one
        for name, one in options.named.items()
    ]
    return {
        "type": ["object", "null"],
        "description": summary(cls),
        "properties": _options(listed, definitions),
        "required": [one.name for one in listed if one.required],
        "additionalProperties": options.more_names,
    }


# ---- options -------------------------------------------------------------------------------------------------------


def _options(options: Iterable[Option], definitions: Schema) -> Schema:
    return {option.name: _option(option, definitions) for option in options}


def _option(option: Option, definitions: Schema) -> Schema:
    schema = _of_kind(kind_of(option.annotation), definitions)
    if option.description:
        schema["description"] = option.description.replace("``", "`")
    if not option.required and _is_plain(option.default):
        schema["default"] = option.default
    return schema


def _of_kind(kind: Kind, definitions: Schema) -> Schema:
    if kind.anything:
        return {}
    if kind.secret:
        return {"anyOf": [_REFERENCE, _NOTHING]}
    if kind.plain is None:
        return {"anyOf": [_OBJECT]}
    plain = adapter(kind).json_schema()
    definitions |= plain.pop("$defs", {})
    numbers = [value for one in kind.literals if isinstance(one, str) and (value := read_plain(one)) != one]
    alternatives = list(plain.pop("anyOf", [])) or [plain]
    if numbers:
        # Where the text "32" is one of the choices, 32 is read as that text.
        alternatives.append({"enum": numbers})
    if kind.objects:
        alternatives.append(_OBJECT)
    if {"type": "string"} not in alternatives:
        alternatives.append(_REFERENCE)
    schema = dict(alternatives[0]) if len(alternatives) == 1 else {"anyOf": alternatives}
    return schema | ({"examples": ["500 steps", "1 epoch", "10 min"]} if kind.duration else {})


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True

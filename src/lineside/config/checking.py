"""Checking what a file says for one option against what the option takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from lineside.config.kinds import Kind
from lineside.config.names import is_name
from lineside.config.problems import Problems
from lineside.config.scalars import WORDS_FOR_BOOL, doubt, read_plain
from lineside.config.tree import Items, Node, Scalar, Table, scalars
from lineside.destination import holds_secret
from lineside.errors import OptionError, nearest
from lineside.secret import Secret, holds_password, named_like_a_secret
from lineside.units import Duration

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_EXPECTED: Final = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "path_type": "a path",
}

_NO_SECRETS: Final = (
    "a secret must not stand in the file, which is copied into the directory of every run. Put it into an environment "
    "variable, and write ${ITS_NAME} here."
)


def adapter(kind: Kind) -> TypeAdapter[Any]:
    """Return pydantic's checker of what a file may say, strict: a text is no number."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(kind.plain, config=ConfigDict(strict=True))
    except PydanticUserError:  # types that bring a configuration of their own
        return TypeAdapter(kind.plain)


def checked(node: Node, kind: Kind, entry: str, problems: Problems) -> Any:
    """Return what a node says, as the option wants it; None, with a problem, if it is not what the option takes.

    Args:
        node: without names of objects in it.
        kind: what the option takes.
        entry: the option, for messages.
        problems: where mistakes are noted.
    """
    from pydantic import ValidationError

    if isinstance(node, Scalar) and kind.secret and node.value is not None:
        return _secret(node, entry, problems)
    if kind.loose:
        _refuse_doubtful(node, entry, problems)
    if kind.anything:
        return data_of(node)
    if kind.plain is None:
        problems.add(node.place, entry, f"{node.shown} must be {kind.words}: {_how_to_make(node)}.")
        return None
    try:
        return _validated(node, kind, entry)
    except ValidationError as error:
        place, message = _explained(node, kind, error)
        problems.add(place.place, entry, message)
    except OptionError as error:
        problems.add(node.place, entry, str(error))
    return None


def data_of(node: Node) -> Any:
    """Return what a node says: texts, numbers, lists, dicts."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [data_of(item) for item in node.items]
    return {key: data_of(below) for key, below in node.entries.items()}


def refuse_secrets(node: Node, entry: str, problems: Problems, name: str | None = None) -> None:
    """Refuse a secret that stands in the file itself: the file is copied into the directory of every run."""
    name = entry.rpartition(".")[2] if name is None else name
    if isinstance(node, Table):
        for key, below in node.entries.items():
            refuse_secrets(below, f"{entry}.{key}", problems, key)
    elif isinstance(node, Items):
        for item in node.items:
            refuse_secrets(item, entry, problems, name)
    elif _is_written_secret(node, name):
        problems.secrets.add(node.text)
        problems.add(node.place, entry, _NO_SECRETS)


def _is_written_secret(scalar: Scalar, name: str) -> bool:
    if not isinstance(scalar.value, str) or not scalar.text or scalar.reference is not None:
        return False
    return named_like_a_secret(name) or holds_password(scalar.text)


def as_written(node: Node, entry: str, problems: Problems) -> Node:
    """Return a node of addresses with its references in place, and refuse secrets that are written out.

    What they stand for is looked up when something is sent, perhaps by another process.
    """
    if isinstance(node, Items):
        return Items(node.place, [as_written(item, entry, problems) for item in node.items])
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    if node.reference is not None:
        problems.secrets.update({node.text} - {""})
    text = node.reference or node.text
    if holds_secret(text):
        problems.secrets.add(text)
        problems.add(node.place, entry, _NO_SECRETS)
    return Scalar(node.place, text, plain=False)


def _secret(scalar: Scalar, entry: str, problems: Problems) -> Secret | None:
    if scalar.reference is None:
        problems.secrets.add(scalar.text)
        problems.add(scalar.place, entry, _NO_SECRETS)
        return None
    scalar.secret = True
    problems.secrets.update({scalar.text} - {""})
    return Secret(scalar.text)


def _refuse_doubtful(node: Node, entry: str, problems: Problems) -> None:
    for scalar in scalars(node):
        if scalar.plain and (instead := doubt(scalar.text)) is not None:
            problems.add(scalar.place, entry, f"{scalar.shown} is a text in YAML 1.2, and was none before: {instead}.")


def _validated(node: Node, kind: Kind, entry: str) -> Any:
    from pydantic import ValidationError

    check = adapter(kind)
    refusal: ValidationError | None = None
    for candidate in _candidates(node, kind):
        try:
            # As JSON, where a list may become a tuple and a text a path, but a text never a number.
            value = check.validate_json(json.dumps(candidate), strict=True)
        except ValidationError as error:
            refusal = refusal or error
            continue
        if kind.duration and isinstance(value, str) and value not in kind.literals:
            Duration.parse(value, entry.rpartition(".")[2])
        return value
    raise refusal  # type: ignore[misc] # there is always a candidate


def _candidates(node: Node, kind: Kind) -> Iterator[Any]:
    """Yield what a node may mean: first what it says.

    Then the text itself, where texts are named to choose from, as in ``precision: 32``. What comes from a variable may
    be meant as a text or as a number, whether it has quotes, as it must between braces, or not.
    """
    yield data_of(node)
    if isinstance(node, Scalar) and (node.reference is not None or node.text in kind.literals):
        yield node.text
        yield read_plain(node.text)


def _explained(node: Node, kind: Kind, error: ValidationError) -> tuple[Node, str]:
    """Return the innermost node that is wrong, and what is wrong with it."""
    # Whoever writes a word for a number mistook the number: an object, such as a Tensor, would have been named.
    is_word = kind.numeric and isinstance(node, Scalar) and not _names_object(node)
    wrong, expected = node, kind.plain_words if is_word else kind.words
    for detail in error.errors(include_url=False):
        below = _below(node, detail["loc"])
        if below is not node and wrong is node:
            wrong, expected = below, _EXPECTED.get(detail["type"], kind.words)
    hint = _hint(wrong, expected, kind) if isinstance(wrong, Scalar) else ""
    objects = f" For an object {_how_to_make(wrong)}." if kind.objects and _names_object(wrong) else ""
    return wrong, f"{wrong.shown} must be {expected}.{hint}{objects}"


def _below(node: Node, path: tuple[int | str, ...]) -> Node:
    """Follow a path of pydantic's, which holds names of types between keys and indices."""
    for step in path:
        if isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        elif isinstance(node, Table) and step in node.entries:
            node = node.entries[str(step)]
    return node


def _hint(scalar: Scalar, expected: str, kind: Kind) -> str:
    value = scalar.value
    if isinstance(value, float) and value.is_integer() and "a whole number" in expected:
        return f" Write {value:.0f}."
    if scalar.text.lower() in WORDS_FOR_BOOL and "true or false" in expected:
        return f" Write {WORDS_FOR_BOOL[scalar.text.lower()]}."
    if isinstance(value, (bool, int, float)) and "a text" in expected:
        return " Put it into quotes."
    if isinstance(value, str) and not scalar.plain and not isinstance(Scalar(scalar.place, value).value, str):
        return " Leave out the quotes."
    return nearest(scalar.text, [one for one in kind.literals if isinstance(one, str)])


def _names_object(node: Node) -> bool:
    return isinstance(node, Scalar) and is_name(node.text)


def _how_to_make(node: Node) -> str:
    name = node.text if isinstance(node, Scalar) and is_name(node.text) else "package.module:name"
    return f"write '{name}: {{}}', with its arguments between the braces, or 'object: {name}' for it as it is"

"""``${VARIABLE}`` and ``${VARIABLE:-default}`` in texts: what the environment holds, and what is kept of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lineside.config.names import is_name
from lineside.config.problems import Problems
from lineside.config.tree import Items, Node, Scalar, Table
from lineside.errors import nearest
from lineside.secret import named_like_a_secret

HERE: Final = "here"
"""``${here}`` is the directory of the file, as an absolute path."""

_REFERENCE: Final = re.compile(
    r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_]\w*)(?P<default>:-[^}]*)?\}|(?P<broken>\$\{)"
)
_LONE: Final = re.compile(r"\$\{[^}]*\}")


def is_reference(text: str) -> bool:
    """Tell whether a text is one reference and nothing else."""
    return _LONE.fullmatch(text) is not None


def resolve_references(node: Node, variables: Mapping[str, str], problems: Problems, entry: str) -> None:
    """Replace the references in all texts of a node by what the variables hold; the node keeps what was written.

    A variable that is unset or empty gives the default, as in a shell; one without a default is a problem.

    Args:
        node: changed in place.
        variables: the environment, and `HERE`.
        problems: where mistakes are noted.
        entry: path of the node, for messages.
    """
    if isinstance(node, Scalar):
        _resolve(node, variables, problems, entry)
    elif isinstance(node, Items):
        for item in node.items:
            resolve_references(item, variables, problems, entry)
    elif isinstance(node, Table):
        for key, value in node.entries.items():
            path = entry if is_name(key) else f"{entry}.{key}".lstrip(".")
            resolve_references(value, variables, problems, path)


def _resolve(scalar: Scalar, variables: Mapping[str, str], problems: Problems, entry: str) -> None:
    if scalar.reference is not None or "${" not in scalar.text:
        return
    written, names = scalar.text, []

    def held(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "${"
        if found["broken"]:
            problems.add(
                scalar.place, entry, "'${' begins a reference: write ${NAME} or ${NAME:-default}, or $${ for it."
            )
            return ""
        name, default = found["name"], found["default"]
        names.append(name)
        if value := variables.get(name):
            return value
        if default is None:
            problems.add(
                scalar.place,
                entry,
                f"the environment variable {name} is not set.{nearest(name, _similar(name, variables))} "
                f"Set it, or give a default: ${{{name}:-…}}.",
            )
            return ""
        return str(default.removeprefix(":-"))

    scalar.text = _REFERENCE.sub(held, written)
    if set(names) <= {HERE}:
        scalar.plain = scalar.plain and bool(names)  # of an escape alone nothing but a text can come
        return
    # What is kept may be read again from another directory.
    scalar.reference = written.replace(f"${{{HERE}}}", variables.get(HERE, ""))
    key = entry.rpartition(".")[2]
    secret = [name for name in names if named_like_a_secret(key) or named_like_a_secret(name)]
    scalar.secret = bool(secret)
    problems.secrets.update(variables[name] for name in secret if variables.get(name))


def _similar(name: str, variables: Mapping[str, str]) -> list[str]:
    """Return names of variables that begin alike; not all, since the environment is nobody's business."""
    return [known for known in variables if known[:2] == name[:2]]

"""Writing a tree as YAML: numbers as they were written, references instead of what they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineside.config.scalars import doubt, read_plain
from lineside.config.tree import Items, Node, Scalar
from lineside.config.yaml_file import yaml_library


def to_yaml(node: Node) -> str:
    """Return a tree as a YAML document that is read back as the same tree."""
    yaml = yaml_library()
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(node, yaml),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    return str(yaml.emit(events, allow_unicode=True, width=110))


def _events(node: Node, yaml: Any) -> Iterator[Any]:
    # Both implicit: every text is written without a tag, and the style alone says what it is.
    if isinstance(node, Scalar):
        text = node.reference if node.reference is not None else node.text.replace("${", "$${")
        plain = node.plain or (node.reference is None and read_plain(text) == text and doubt(text) is None)
        yield yaml.ScalarEvent(
            None, None, (True, True), text or ("null" if plain else ""), style=None if plain else '"'
        )
    elif isinstance(node, Items):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
        for item in node.items:
            yield from _events(item, yaml)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for key, below in node.entries.items():
            yield yaml.ScalarEvent(None, None, (True, True), key)
            yield from _events(below, yaml)
        yield yaml.MappingEndEvent()

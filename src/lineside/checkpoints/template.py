"""File-name templates such as ``models/best_ep{epoch:02d}_loss{val_loss:.3f}.pt``, checked before they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any, NamedTuple

from lineside.errors import TemplateError, nearest

_COUNTS = frozenset({"epoch", "step", "batch", "samples"})
"""Placeholders filled with whole numbers; every other is filled with a float."""


class _Piece(NamedTuple):
    literal: str
    field: str | None
    spec: str


class Template:
    """A path with placeholders; a placeholder is the name of a metric, or ``epoch``, ``step``, ``batch``, ``samples``.

    Names may contain slashes (``{val/loss:.3f}``). Values are formatted, never looked into: ``{a.b}`` is a name with a
    dot, not an attribute.

    Args:
        text: the template.
        resolve: turns an alias into the name that values are given under; None for a name that it does not know.

    Raises:
        TemplateError: the syntax is wrong, a format does not fit a number, or the path names a directory.
    """

    def __init__(self, text: str, resolve: Callable[[str], str | None] = lambda name: name) -> None:
        self.text = text
        self._resolve = resolve
        self._pieces = _parsed(text)
        self._dry_run()

    @property
    def fields(self) -> tuple[str, ...]:
        """The placeholders, in order, as they are written."""
        return tuple(dict.fromkeys(piece.field for piece in self._pieces if piece.field is not None))

    @property
    def suffix(self) -> str:
        """What the file name ends in, with its dot; empty if the text behind the last placeholder holds no dot."""
        literal = ""
        for piece in self._pieces:
            literal = literal + piece.literal if piece.field is None else ""
        # A stem in front, since a name that begins with its dot would count as one without a suffix.
        return PurePosixPath("x" + literal).suffix

    def render(self, values: Mapping[str, Any]) -> Path:
        """Fill in the placeholders.

        Raises:
            TemplateError: a value is missing (the message lists what there is), its format does not fit, it would add
                a directory, or the path is a directory.
        """
        text = "".join(piece.literal + self._filled(piece, values) for piece in self._pieces)
        path = Path(text)
        if path.is_dir():
            raise TemplateError(f"{self.text!r} gives {text!r}, which is a directory. Let it name a file.")
        return path

    def _filled(self, piece: _Piece, values: Mapping[str, Any]) -> str:
        if piece.field is None:
            return ""
        name = piece.field if piece.field in values else self._resolve(piece.field)
        if name is None or name not in values:
            there = ", ".join(sorted(values)) or "nothing yet"
            raise TemplateError(
                f"{self.text!r}: nothing fills {{{piece.field}}}.{nearest(piece.field, values)} There is: {there}."
            )
        try:
            filled = format(values[name], piece.spec)
        except (ValueError, TypeError) as error:
            raise TemplateError(f"{self.text!r}: {values[name]!r} does not fit {_written(piece)}: {error}.") from error
        if any(character in "/\\\0" for character in filled):
            raise TemplateError(
                f"{self.text!r}: {_written(piece)} became {filled!r}, and a value must add no directory."
            )
        return filled

    def _dry_run(self) -> None:
        for piece in self._pieces:
            if piece.field is not None:
                sample: int | float = 3 if piece.field in _COUNTS else 0.5
                try:
                    format(sample, piece.spec)
                except ValueError as error:
                    kind = "a whole number" if piece.field in _COUNTS else "a float"
                    raise TemplateError(
                        f"{self.text!r}: {_written(piece)} will be {kind}, which that format does not fit: {error}."
                    ) from error

    def __repr__(self) -> str:
        """Return the constructor call."""
        return f"Template({self.text!r})"


def _parsed(text: str) -> list[_Piece]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"{text!r} is no template: {error}. Write a literal brace twice: '{{{{'.") from error
    pieces = []
    for literal, field, spec, conversion in parts:
        if field is not None and (not field or field.isdigit()):
            raise TemplateError(f"{text!r}: a placeholder needs a name, such as {{epoch:02d}} or {{val_loss:.3f}}.")
        if conversion:
            raise TemplateError(f"{text!r}: !{conversion} is not allowed; use a format such as {{{field}:.3f}}.")
        if spec and "{" in spec:
            raise TemplateError(f"{text!r}: a format cannot hold a placeholder of its own.")
        pieces.append(_Piece(literal, field, spec or ""))
    if not text or "\0" in text or text.endswith(("/", "\\")):
        raise TemplateError(f"{text!r} names no file. Give one, such as 'models/best_{{epoch:02d}}.safetensors'.")
    return pieces


def _written(piece: _Piece) -> str:
    return f"{{{piece.field}:{piece.spec}}}" if piece.spec else f"{{{piece.field}}}"

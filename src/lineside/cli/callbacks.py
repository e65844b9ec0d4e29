"""`lineside callbacks`: all that are registered, or one of them with its options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lineside.cli.arguments import json_option
from lineside.language import text

if TYPE_CHECKING:
    from rich.console import Console

    from lineside.cli.callback_description import CallbackDescription, Option


def known_callbacks(incomplete: str) -> Iterator[str]:
    """Yield registered names that begin with what was typed, for the completion of shells."""
    from lineside.registry import names

    return (name for name in names() if name.startswith(incomplete))


def callbacks(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help=text("One of them; all unless given.", "其中一个；默认列出全部。"),
            autocompletion=known_callbacks,
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """List callbacks, or show one.

    Raises:
        CallbackNotFound: nothing is registered under the name.
        MissingDependency: the callback needs a library that is not installed.
    """
    from lineside.cli.callback_description import all_described, described
    from lineside.cli.terminal import console, print_json

    if name is None:
        found = all_described()
        print_json([each.document() for each in found]) if as_json else _list(console(), found)
    else:
        one = described(name)
        print_json(one.document()) if as_json else _show(console(), one)


def _list(out: Console, found: Sequence[CallbackDescription]) -> None:
    from rich.text import Text

    from lineside.cli.terminal import printable, table

    rows = table(text("name", "名称"), {"header": text("what it does", "用途"), "overflow": "fold"})
    for each in found:
        sentence = Text(printable(each.error or each.sentence), "red" if each.error else "")
        if each.package not in ("", "lineside"):
            sentence.append(f" [{printable(each.package)}]", "dim")
        rows.add_row(Text(printable(each.name), "bold cyan", no_wrap=True), sentence)
    out.print(rows)
    out.print(Text(text("lineside callbacks NAME tells more of one.", "lineside callbacks 名称 显示详情。"), "dim"))


def _show(out: Console, one: CallbackDescription) -> None:
    from rich.text import Text

    from lineside.cli.terminal import printable

    out.print(Text(printable(one.name), "bold").append(f"  {one.target}  {one.package}", "dim not bold"))
    out.print(Text(one.sentence))
    if one.text:
        out.print()
        out.print(Text(one.text))
    for title, options in ((text("Options", "选项"), one.options), (text("Options of all", "通用选项"), one.common)):
        _options(out, title, options)
    for title, words in ((text("Looks at: ", "关注的事件："), one.hooks), (text("Needs: ", "需要："), one.needs)):
        if words:
            out.print()
            out.print(Text(title, "bold").append(", ".join(words), "not bold"))


def _options(out: Console, title: str, options: Sequence[Option]) -> None:
    from rich.text import Text

    from lineside.cli.terminal import heading, indented, table

    if not options:
        return
    heading(out, title)
    rows = table(
        {"header": text("option", "选项"), "no_wrap": True},
        {"header": text("default", "默认值"), "overflow": "fold"},
        {"header": text("meaning", "含义"), "overflow": "fold"},
    )
    for option in options:
        default = Text(text("must be given", "必填"), "yellow") if option.default is None else Text(option.default)
        meaning = Text(option.doc)
        if option.type:
            meaning.append(f" ({option.type})", "dim")
        rows.add_row(Text(option.name, "bold cyan"), default, meaning)
    indented(out, rows)

"""`lineside report`: a run as one HTML page."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.language import text


class PageLanguage(StrEnum):
    """What a page can be written in."""

    EN = "en"
    ZH = "zh"


def report(
    run: Annotated[str, run_argument()],
    lang: Annotated[
        PageLanguage | None,
        typer.Option("--lang", help=text("The language of the page; LINESIDE_LANG's unless given.", "页面的语言。")),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=text("The file; report.html in the run's directory unless given.", "输出文件；默认在运行目录中。"),
            dir_okay=False,
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help=text("Show it in the browser.", "在浏览器中打开。"))] = False,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Write the page, and print where it is.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        MissingDependency: jinja2 is not installed.
        StoreError: a file of the run is damaged, or cannot be read now.
        ReportNotWritten: the file cannot be written.
    """
    import webbrowser

    from lineside.cli.chosen_run import chosen_run
    from lineside.cli.terminal import print_json
    from lineside.reports.html.build import build_report

    page = build_report(
        chosen_run(run_dir, run).path, reader_language=lang.value if lang is not None else None, output=output
    )
    if as_json:
        print_json({"report": str(page)})
    else:
        print(page)
    if show:
        webbrowser.open(page.absolute().as_uri())

"""`lineside show`: one run, from its state to what its callbacks cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.language import text

MOST_METRICS: Final = 20


def show(
    run: Annotated[str, run_argument()],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help=text(
                "Draw this metric, or those that fit a pattern: 'val/*'.", "绘制该指标，或符合模式的指标：'val/*'。"
            ),
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help=text("Shorten no list.", "不省略任何条目。"))] = False,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Show a run.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        MetricNotFound: the run has no such metric.
        StoreError: a file of the run is damaged, or cannot be read now.
    """
    from lineside.cli.chosen_run import chosen_run
    from lineside.cli.run_drawing import draw
    from lineside.cli.run_summary import RunSummary
    from lineside.cli.terminal import console, print_json

    most = None if everything or as_json else MOST_METRICS
    summary = RunSummary.read(chosen_run(run_dir, run), metric or (), most)
    if as_json:
        print_json(summary.document())
    else:
        draw(console(), summary, charts=bool(metric), everything=everything)

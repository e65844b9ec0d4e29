"""`lineside compare`: several runs side by side: what they came to, and in what they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineside.cli.arguments import RUN_DIR, json_option, known_runs, run_dir_option
from lineside.language import text


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN",
            help=text("The runs: at least two.", "要比较的训练：至少两个。"),
            autocompletion=known_runs,
            show_default=False,
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help=text("Only these metrics: 'val/*'.", "只比较这些指标：'val/*'。")),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help=text("Also what is equal in all.", "相同的内容也列出。"))
    ] = False,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Compare runs.

    Raises:
        RunNotFound, RunAmbiguous: a name does not stand for one run.
        OptionError: it is only one run.
        MetricNotFound: no run has a metric that is asked for.
        StoreError: a file of a run is damaged, or cannot be read now.
    """
    from lineside.cli.chosen_run import chosen_run
    from lineside.cli.comparison import Comparison
    from lineside.cli.comparison_drawing import draw
    from lineside.cli.terminal import console, print_json
    from lineside.errors import OptionError

    chosen = list({run.path: run for run in (chosen_run(run_dir, name) for name in runs)}.values())
    if len(chosen) < 2:
        raise OptionError(f"{chosen[0].name} alone cannot be compared: name two runs or more.")
    comparison = Comparison.read(chosen, metric or ())
    if as_json:
        print_json(comparison.document())
    else:
        draw(console(), comparison, everything=everything)

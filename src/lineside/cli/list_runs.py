"""`lineside list`: all runs, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_dir_option
from lineside.language import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from lineside.cli.standing import Standing
    from lineside.store.directory import RunDirectory
    from lineside.store.run_record import RunRecord

SHOWN: Final = 20


def list_runs(
    project: Annotated[str | None, typer.Option(help=text("Only runs of this project.", "只列出该项目。"))] = None,
    state: Annotated[
        str | None, typer.Option(help=text("Only runs in this state, such as running.", "只列出该状态，如 running。"))
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help=text("Also show its newest value.", "同时显示该指标的最新值。")),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help=text("At most so many.", "最多列出多少个。"))
    ] = SHOWN,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """List runs.

    Raises:
        OptionError: there is no such state.
    """
    from lineside.cli.terminal import console, print_json

    found = _found(run_dir, project, state)
    metrics = metric or []
    shown = [(entry, _newest(entry.run, metrics)) for entry in found[:limit]]
    if as_json:
        print_json([_document(entry, values) for entry, values in shown])
        return
    out = console()
    if shown:
        _draw(out, shown, metrics)
    else:
        out.print(text(f"There are no such runs in {run_dir}.", f"{run_dir} 中没有这样的训练运行。"))
    if more := len(found) - len(shown):
        out.print(
            text(f"… and {more:,} older: --limit {len(found)}", f"… 还有 {more:,} 个更早的：--limit {len(found)}")
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A run in the list; of one whose record is damaged only the directory is known."""

    run: RunDirectory
    record: RunRecord | None
    standing: Standing | None


def _found(run_dir: Path, project: str | None, state: str | None) -> list[_Entry]:
    from lineside.cli.standing import STATES, Standing
    from lineside.errors import OptionError, nearest
    from lineside.store.catalogue import find_records

    if state is not None and state not in STATES:
        raise OptionError(f"--state {state!r} is unknown.{nearest(state, STATES)} Use {', '.join(STATES)}.")
    entries = [
        _Entry(run, record, None if record is None else Standing.of(run, record))
        for run, record in find_records(run_dir, project)
    ]
    return [entry for entry in entries if state is None or (entry.standing and entry.standing.state == state)]


def _newest(run: RunDirectory, names: Sequence[str]) -> dict[str, float | None]:
    """Return the newest values of some metrics; None where a run has none, or cannot be read."""
    from lineside.cli.metric_names import resolved
    from lineside.errors import StoreError
    from lineside.store.reader import RunReader

    values: dict[str, float | None] = dict.fromkeys(names)
    if not names:
        return values
    try:
        with RunReader.open(run.path) as reader:
            known = reader.metric_names()
            for name in names:
                there = resolved(name, known)
                point = None if there is None else reader.latest(there)
                values[name] = None if point is None else point.value
    except StoreError:
        pass  # a run that cannot be read does not hide the others
    return values


def _document(entry: _Entry, metrics: dict[str, float | None]) -> dict[str, Any]:
    run, record, standing = entry.run, entry.record, entry.standing
    known: dict[str, Any] = {"run": run.name, "project": run.project, "path": str(run.path)}
    if record is None or standing is None:
        return known | {"state": "damaged", "metrics": metrics}
    return known | {
        "name": record.name,
        "state": standing.state,
        "reason": standing.reason,
        "created": record.created,
        "updated": record.updated,
        "attempt": record.attempt,
        "progress": dict(record.progress),
        "metrics": metrics,
    }


def _draw(out: Console, shown: Sequence[tuple[_Entry, dict[str, float | None]]], metrics: Sequence[str]) -> None:
    from lineside.cli.aligned import aligned
    from lineside.cli.terminal import WIDE, printable

    reason = out.width >= WIDE
    heading: list[str | Text] = [
        *(text("run", "运行"), text("state", "状态"), text("epoch", "轮次"), text("step", "步")),
        *map(printable, metrics),
        text("heard of", "上次更新"),
        *([text("reason", "原因")] if reason else []),
    ]
    right = [False, False, *[True] * (len(metrics) + 3), *([False] if reason else [])]
    rows = [heading, *(_row(entry, values, reason=reason) for entry, values in shown)]
    out.print(aligned(rows, right, out.width), soft_wrap=True, end="")


def _row(entry: _Entry, values: dict[str, float | None], *, reason: bool) -> list[str | Text]:
    from rich.text import Text

    from lineside.cli.amounts import ago, number
    from lineside.cli.how_far import HowFar
    from lineside.cli.terminal import printable

    name, record, standing = printable(f"{entry.run.project}/{entry.run.name}"), entry.record, entry.standing
    if record is None or standing is None:
        return [name, Text(text("damaged", "已损坏"), "red"), *[""] * (len(values) + 3 + reason)]
    far = HowFar.of(record.progress, standing.state)
    return [
        name,
        Text.assemble(standing.word(), (" ?", "red") if standing.silent else ""),
        far.epoch_text,
        far.step_text,
        *("" if value is None else number(value) for value in values.values()),
        ago(standing.silence),
        *([printable(standing.reason or "")] if reason else []),
    ]

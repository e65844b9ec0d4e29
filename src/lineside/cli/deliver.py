"""`lineside deliver`: send what waits in a run's outbox, whatever became of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.cli.exit_codes import ExitCode
from lineside.language import text

if TYPE_CHECKING:
    from lineside.outbox.deliverer import Deliverer
    from lineside.outbox.sending import Order

WAIT: Final = "30 s"


def deliver(
    run: Annotated[str, run_argument()],
    wait: Annotated[
        str,
        typer.Option(
            "--wait",
            help=text(
                "How long to try: '30 s', '10 min'; it ends earlier when nothing more can be done.",
                "尝试多久，如 '10 min'；可提前结束。",
            ),
        ),
    ] = WAIT,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help=text(
                "Send also to destinations that another user, or another machine, has recorded.",
                "也投递到由其他用户或机器记录的目的地。",
            ),
        ),
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record-stdin",
            help=text(
                "First record alerts from standard input, a JSON object a line, along the run's routes.",
                "先从标准输入记录告警，每行一个 JSON 对象。",
            ),
        ),
    ] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help=text(
                "With --record-stdin, a destination besides the routes; its secrets are named: 'wecombot://${KEY}'.",
                "另一个目的地（用于 --record-stdin），如 'wecombot://${KEY}'。",
            ),
        ),
    ] = None,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Deliver.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        OptionError: an address has a secret written out, or what is to be recorded is no alert.
        StoreError: the outbox is damaged, or cannot be read or written now.
        Exit: with `ExitCode.FAILED` if something was given up, with `ExitCode.UNANSWERED` if something still waits.
    """
    from lineside.cli.chosen_run import chosen_run
    from lineside.cli.outbox_drawing import draw_outbox
    from lineside.cli.recording import record_alerts
    from lineside.cli.terminal import console, print_json
    from lineside.outbox.sending import Order
    from lineside.outbox.standing import OutboxStanding
    from lineside.run.senders import SENDERS

    seconds = _seconds(wait)
    if to and not record:
        raise typer.BadParameter(text("is for alerts of --record-stdin", "须与 --record-stdin 同用"), param_hint="--to")
    directory = chosen_run(run_dir, run).path
    given = record_alerts(directory, to or (), trusting=trust) if record else ()
    order = Order(directory, SENDERS, dict.fromkeys(given), trusting=trust)
    if OutboxStanding.read(directory).waiting:
        done, elsewhere = _send(order, seconds)
    else:
        done, elsewhere = None, ""
    standing = OutboxStanding.read(directory)
    sent, failed = (0, 0) if done is None else (done.sent, done.failed)
    if as_json:
        now = {"sent_now": sent, "failed_now": failed, "sending": elsewhere or None}
        print_json({"run": directory.name} | standing.document() | now)
    else:
        print(text(f"{sent:,} sent now, {failed:,} given up", f"本次送达 {sent:,}，放弃 {failed:,}"))
        if elsewhere:
            print(text(f"another process is sending: {elsewhere}", f"另一进程正在投递：{elsewhere}"))
        draw_outbox(console(), standing)
    if failed:
        raise typer.Exit(ExitCode.FAILED)
    if standing.waiting:
        raise typer.Exit(ExitCode.UNANSWERED)


def _seconds(wait: str) -> float:
    from lineside.errors import OptionError
    from lineside.units import Duration

    try:
        duration = Duration.parse(wait, "--wait")
    except OptionError as error:
        raise typer.BadParameter(str(error), param_hint="--wait") from error
    if duration.unit != "seconds":
        raise typer.BadParameter(
            text("give a time: '30 s', '10 min'", "请给出时间：'30 s'、'10 min'"), param_hint="--wait"
        )
    return duration.amount


def _send(order: Order, seconds: float) -> tuple[Deliverer | None, str]:
    """Send, and return what was sent, or who sends instead."""
    import sys

    from lineside.cli.terminal import printable
    from lineside.errors import StoreUnavailable
    from lineside.files import FileLock
    from lineside.outbox.places import LEASE
    from lineside.outbox.sending import Until, send

    def notice(sentence: str) -> None:
        print(printable(sentence), file=sys.stderr)

    try:
        done = send(order, Until(seconds), notice)
    except OSError as error:
        raise StoreUnavailable(order.directory / LEASE, str(error.strerror)) from error
    return done, "" if done is not None else FileLock(order.directory / LEASE).holder()

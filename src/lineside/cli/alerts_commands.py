"""`lineside alerts`: send one to see whether it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lineside.cli.arguments import json_option
from lineside.cli.exit_codes import ExitCode
from lineside.language import text

if TYPE_CHECKING:
    from lineside.secret import Secret

_FILES: Final = (".yaml", ".yml", ".toml")


def alerts_program() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    # With one command alone the program would take its place.
    app.callback()(lambda: None)
    app.command(
        "test", help=text("Send an alert to addresses, and say what became of it.", "发送一条测试提醒并报告结果。")
    )(send_test)
    return app


def send_test(
    destinations: Annotated[
        list[str],
        typer.Argument(
            metavar="ADDRESS…|CONFIG",
            help=text(
                "Addresses, such as 'wecombot://${WECOM_KEY}' in quotes, or configurations, for all that they name.",
                "地址，例如 'wecombot://${WECOM_KEY}'（加引号）；或配置文件，即其中的全部地址。",
            ),
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Send an alert to each address at once, from this process, and print what the receiver said.

    Raises:
        OptionError: something is neither an address nor a configuration.
        Exit: with `ExitCode.FAILED` if one was refused for good or cannot be used, else with `ExitCode.UNANSWERED` if
            one could not be reached, or with `ExitCode.USAGE` for mistakes in a configuration.
    """
    from lineside.cli.terminal import print_json, printable

    results = []
    for address in _addresses(destinations):
        result = _sent(address)
        results.append(result)
        if not as_json:
            print(printable(f"{result['destination']}: {_sentence(result)}"), flush=True)
    if as_json:
        print_json(results)
    outcomes = {result["outcome"] for result in results}
    if outcomes & {"refused", "unusable"}:
        raise typer.Exit(ExitCode.FAILED)
    if "unreachable" in outcomes:
        raise typer.Exit(ExitCode.UNANSWERED)


def _addresses(given: list[str]) -> list[str | Secret]:
    from lineside.alerts.destinations import checked
    from lineside.destination import reference
    from lineside.errors import OptionError

    found: list[str | Secret] = []
    for one in given:
        if "://" not in one and one.endswith(_FILES):
            routed = _of_configuration(Path(one))
            if not routed:
                raise OptionError(f"{one} names no address: give a callback 'to', as in docs/guide/alerts.md.")
            found += routed
        else:
            found += checked(one, "ADDRESS")
    return list({reference(address): address for address in found}.values())


def _of_configuration(path: Path) -> list[str | Secret]:
    from lineside.cli.train import mistakes
    from lineside.config.loading import load
    from lineside.config.names import importable
    from lineside.config.targets import complete
    from lineside.errors import ConfigError

    try:
        with importable(path.parent):
            experiment = load(path)
            made = [entry.make({}) for entry in experiment.callbacks if complete(entry.options)]
    except ConfigError as error:
        print(f"{mistakes(path, len(error.problems))}\n{error}")
        raise typer.Exit(ExitCode.USAGE) from None
    return [route.destination for callback in made for route in callback.routes]


def _sent(address: str | Secret) -> dict[str, Any]:
    """Send the alert; return what became of it."""
    from uuid import uuid4

    from lineside.alerts.channels.sender import AlertSender
    from lineside.alerts.destinations import check_scheme
    from lineside.destination import reference, resolve, scheme
    from lineside.errors import DestinationUnresolved, MissingDependency, OptionError
    from lineside.ports import Delivery, TryAgain, Undeliverable
    from lineside.secret import Secret

    shown = reference(address)
    result: dict[str, Any] = {"destination": shown, "outcome": "delivered", "reason": "", "after": None}
    try:
        resolved = Secret(resolve(address.reveal() if isinstance(address, Secret) else address).address)
        check_scheme(scheme(resolved.reveal()) or "", shown)
        AlertSender().send(Delivery(f"test-{uuid4().hex}", "alert", shown, resolved, _payload(), Path.cwd()))
    except DestinationUnresolved as missing:
        return result | {"outcome": "unusable", "reason": missing.why}
    except (OptionError, MissingDependency) as error:
        return result | {"outcome": "unusable", "reason": str(error).removeprefix(f"{shown}: ")}
    except Undeliverable as never:
        return result | {"outcome": "refused", "reason": never.reason}
    except TryAgain as again:
        return result | {"outcome": "unreachable", "reason": again.reason, "after": again.after}
    return result


def _payload() -> dict[str, Any]:
    import socket
    import time

    from lineside.language import language

    return {
        "title": text("This is a test", "这是一条测试提醒"),
        "text": text("If you can read it, alerts arrive here.", "看到这条消息，说明提醒可以送达。"),
        "level": "info",
        "author": "lineside",
        "phase": "once",
        "project": "lineside",
        "run": "alerts test",
        "host": "none",
        "machine": socket.gethostname(),
        "attempt": 1,
        "step": 0,
        "epoch": 0,
        "time": time.time(),
        "language": language(),
        "plot": None,
    }


def _sentence(result: dict[str, Any]) -> str:
    reason = result["reason"]
    match result["outcome"]:
        case "delivered":
            return text("delivered", "已送达")
        case "refused":
            return text(f"refused: {reason}", f"被拒绝：{reason}")
        case "unusable":
            return text(f"cannot be used: {reason}", f"无法使用：{reason}")
        case _:
            after = result["after"]
            wait = "" if after is None else text(f", in {after:.0f} s", f"（{after:.0f} 秒后）")
            return text(f"not now: {reason}; a run would try again{wait}", f"暂未送达：{reason}；训练中会重试{wait}")

"""Assembles the tables of `docs/guide/hosts.md` from its columns: `python -m tests.matrix.page` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lineside.testing.catalogue import PROOFS

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "hosts.md"
HOSTS = {
    "trainer": "`Trainer`",
    "loop": "own loop, PyTorch",
    "loop-tensorflow": "own loop, `GradientTape`",
    "keras-tensorflow": "Keras on TensorFlow",
    "keras-torch": "Keras on torch",
    "keras-jax": "Keras on JAX",
    "ultralytics": "Ultralytics",
    "lightning": "Lightning",
    "transformers": "Hugging Face",
}
ABILITIES = {
    "model": "the model: weights, norms, capture and load",
    "gradients": "gradients",
    "batch_data": "batches and outputs",
    "set_lr": "set the learning rate",
    "schedule_lr": "schedule the learning rate",
    "restore": "put a checkpoint back",
    "pause": "pause",
    "validate": "validate on request",
    "resume_in_epoch": "resume in the middle of an epoch",
    "freeze": "freeze layers",
    "average": "average weights, and validate with them",
    "update_bn": "compute batch norm anew",
    "profile": "profile steps",
    "rehearse": "train steps that are undone",
    "trials": "try batch sizes",
    "saved_model": "export a SavedModel",
}
Column = Mapping[str, Any]


def columns() -> dict[str, Column]:
    """Return what was written down of each host."""
    return {name: json.loads((PAGE.with_suffix("") / f"{name}.json").read_text("utf-8")) for name in HOSTS}


class Reasons:
    """Numbers for reasons, in the order in which a table needs them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        number = self._numbers.setdefault(reason, len(self._numbers) + 1)
        return f"[{number}]"

    def listed(self) -> str:
        return "\n".join(f"{number}. {reason}" for reason, number in self._numbers.items())


def capabilities(found: Mapping[str, Column]) -> str:
    """Return the table of what each host declares, and its reasons for what it lacks."""
    reasons = Reasons()
    hooks = list(dict.fromkeys(hook for column in found.values() for hook in [*column["events"], *column["reasons"]]))
    order = [hook for hook in found["trainer"]["events"] if hook in hooks]
    rows: list[list[str]] = []
    for hook in order:
        cells = [_cell(hook, column, column["events"], reasons) for column in found.values()]
        if rows and rows[-1][1:] == cells:
            rows[-1][0] += f", `{hook}`"
        else:
            rows.append([f"`{hook}`", *cells])
    for ability, words in ABILITIES.items():
        cells = [_cell(ability, column, column["abilities"], reasons) for column in found.values()]
        rows.append([f"`{ability}`: {words}", *cells])
    return f"{_table(['', *HOSTS.values()], rows)}\n\n{reasons.listed()}"


def _cell(name: str, column: Column, there: Sequence[str], reasons: Reasons) -> str:
    return "yes" if name in there else f"no {reasons.mark(column['reasons'][name])}"


def catalogue(found: Mapping[str, Column]) -> str:
    """Return the table of what became of each callback in each host."""
    reasons, rows = Reasons(), []
    for proof in PROOFS:
        name = f"`{proof.name}`" + (f", `{proof.variant}`" if proof.variant else "")
        cells = [_outcome(proof.title(), host, column, reasons) for host, column in found.items()]
        rows.append([name, *cells, proof.shows])
    return f"{_table(['', *HOSTS.values(), 'what was seen'], rows)}\n\n{reasons.listed()}"


def _outcome(title: str, host: str, column: Column, reasons: Reasons) -> str:
    ways = column["callbacks"].get(title, {})
    if set(ways) != {"fits", "resume"} or ways["fits"] != ways["resume"]:
        raise ValueError(f"{title} was not tried in {host}, or went wrong there: run `make matrix`.")
    if not ways["fits"]:
        return "runs"
    first = ways["fits"][0]
    return f"refused {reasons.mark(f'`{first}`: ' + column['reasons'][first])}"


def versions(found: Mapping[str, Column]) -> str:
    """Return the table of what was run."""
    rows = [
        [HOSTS[host], ", ".join(f"{name} {number}" for name, number in column["versions"].items())]
        for host, column in found.items()
    ]
    return _table(["host", "tried with"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def assembled(text: str, found: Mapping[str, Column]) -> str:
    """Return the page with its tables made anew, each between its comments."""
    tables = {"capabilities": capabilities, "catalogue": catalogue, "versions": versions}
    for name, table in tables.items():
        begin, end = f"<!-- {name}: made by `make matrix` -->", f"<!-- end of {name} -->"
        before, here, rest = text.partition(begin)
        _, there, behind = rest.partition(end)
        if not (here and there):
            raise ValueError(f"{PAGE.name} must have {begin} … {end}.")
        text = f"{before}{begin}\n\n{table(found)}\n\n{end}{behind}"
    return text


if __name__ == "__main__":
    PAGE.write_text(assembled(PAGE.read_text("utf-8"), columns()), "utf-8")

"""What stands on the page: the sections that a run has something for, and their contents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from lineside.language import Language
from lineside.reports.html import charts, facts, notices, still
from lineside.reports.html.attempts import Go, attempts
from lineside.reports.html.checkpoints import checkpoints, saved
from lineside.reports.html.costs import Account, account
from lineside.reports.html.decisions import decisions, kinds, marks
from lineside.reports.html.evidence import Evidence
from lineside.reports.html.families import resource
from lineside.reports.html.result import headline, outcomes
from lineside.reports.html.wording import Wording
from lineside.store.series import Series

_LONGEST_TRACEBACK = 8000


def contents(evidence: Evidence, language: Language) -> dict[str, Any]:
    """Return all that the templates read."""
    say, record = Wording(language), evidence.record
    found = outcomes(evidence)
    top = headline(found)
    marked = marks(evidence, top)
    of_training = {name: one for name, one in evidence.curves.items() if not name.startswith(charts.RESOURCES)}
    of_resources = {name: one for name, one in evidence.curves.items() if name not in of_training}
    constants = {name: value for name, one in of_resources.items() if (value := _constant(one)) is not None}
    of_resources = {name: one for name, one in of_resources.items() if name not in constants}
    curves, resources = charts.charts(of_training, say), charts.charts(of_resources, say)
    goes, paid = attempts(evidence), account(evidence)
    alerts, alerts_left_out = notices.alerts(evidence, say)
    context = {
        "say": say,
        "record": record,
        "status": evidence.status,
        "built": time.time(),
        "top": top,
        "outcomes": found,
        "traceback": _traceback(evidence),
        "epochs": len(evidence.of_kind("epoch_end")),
        "total_epochs": record.progress.get("total_epochs"),
        "steps": max((point.step for point in evidence.latest.values()), default=0),
        "total_steps": record.progress.get("total_steps"),
        "seconds": _seconds([one for one in goes if one.status != "evaluated"], paid),
        "curves": list(zip(curves, still.stills(curves, marked), strict=True)),
        "resources": list(zip(resources, still.stills(resources, marked), strict=True)),
        "constants": [(resource(name), f"{value:.4g}") for name, value in constants.items()],
        "left_out": evidence.left_out,
        "marks": kinds(marked),
        "decisions": decisions(evidence, say),
        "alerts": alerts,
        "alerts_left_out": alerts_left_out,
        "deliveries": notices.deliveries(evidence, say),
        "account": paid,
        "kept": checkpoints(evidence, found, say),
        "kept_count": len(evidence.checkpoints.entries),
        "saved": saved(evidence),
        "goes": goes,
        "trainings": record.attempt - len(evidence.evaluations),
        "texts": notices.texts(evidence),
        "hparams": facts.rows(record.hparams, say),
        "environment": facts.rows(_environment(evidence, say), say),
        "data": charts.data([*curves, *resources], marked, evidence, say),
    }
    return context | {"sections": _sections(context, say)}


def _sections(context: dict[str, Any], say: Wording) -> list[tuple[str, str]]:
    """Return the name and the title of each section that is not empty."""
    always = {"result", "costs", "environment"}
    titles = {
        "result": say("Result", "结果"),
        "curves": say("Curves", "曲线"),
        "decisions": say("Decisions", "决策"),
        "alerts": say("Alerts", "告警"),
        "resources": say("Resources", "资源"),
        "costs": say("What the callbacks cost", "回调开销"),
        "checkpoints": say("Checkpoints", "检查点"),
        "attempts": say("Attempts", "尝试"),
        "notes": say("Notes", "记录文本"),
        "hparams": say("Hyper-parameters", "超参数"),
        "environment": say("Environment", "环境"),
    }
    filled = {
        **{name: context[name] for name in ("curves", "decisions", "hparams")},
        "alerts": context["alerts"] or context["deliveries"],
        "resources": context["resources"] or context["constants"],
        "checkpoints": context["saved"] or context["kept_count"],
        "attempts": context["goes"],
        "notes": context["texts"],
    }
    return [(name, title) for name, title in titles.items() if name in always or filled[name]]


def _constant(series: Series) -> float | None:
    """Return the one value that something had all the time, which is better read than seen."""
    values = set(series.values)
    return next(iter(values)) if len(values) == 1 else None


def _seconds(goes: Sequence[Go], paid: Account | None) -> float:
    """Return how long it trained, pauses left out where the run could count them itself."""
    ended = goes[-1].number == paid.attempt if goes and paid is not None else False
    return paid.seconds if ended and paid is not None else sum(max(0.0, one.ended - one.started) for one in goes)


def _traceback(evidence: Evidence) -> str:
    """Return the traceback of the last attempt, if an error ended it; of a long one the end."""
    failed = [event for event in evidence.history if event.kind == "exception"]
    if not failed or evidence.status != "failed":
        return ""
    return str(failed[-1].data.get("traceback") or failed[-1].data.get("error"))[-_LONGEST_TRACEBACK:]


def _packages(versions: Any) -> Any:
    """Return the versions of packages in one line."""
    if not isinstance(versions, dict):
        return versions
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _environment(evidence: Evidence, say: Wording) -> dict[str, Any]:
    """Return where the run was made, the run's own place and seed first."""
    record = evidence.record
    return {
        say("directory", "目录"): str(evidence.directory.path),
        say("seed", "随机种子"): record.seed,
        say("machine", "机器"): record.host,
        **({say("branched from", "分支自"): record.parent} if record.parent is not None else {}),
        **{name: _packages(value) if name == "packages" else value for name, value in record.environment.items()},
        **({"git": record.git} if record.git is not None else {}),
    }

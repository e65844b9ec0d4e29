"""A run's summary as it is drawn in a terminal, section by section; what there is nothing of is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.text import Text

from lineside.cli.amounts import ago, count, moment, number, size, span
from lineside.cli.curve_drawing import draw_charts, metric_table
from lineside.cli.how_far import HowFar
from lineside.cli.metric_names import headline
from lineside.cli.outbox_drawing import draw_outbox
from lineside.cli.run_summary import RunSummary, bytes_of
from lineside.cli.terminal import NARROW, heading, indented, printable, table
from lineside.dispatch.summary import remarks, seconds
from lineside.language import text

_SHOWN: Final = 10
"""Lines of a list, unless everything is asked for; the newest."""
_TRACEBACK: Final = 12
_T = TypeVar("_T")


def draw(out: Console, summary: RunSummary, *, charts: bool, everything: bool) -> None:
    """Draw all that there is.

    Args:
        out: the terminal.
        summary: of the run.
        charts: draw each metric of the summary, instead of the one that tells most.
        everything: shorten no list.
    """
    _head(out, summary)
    _last_words(out, summary, everything=everything)
    shown = summary.metrics if charts else _headline(summary)
    draw_charts(out, shown, together=not charts)
    if summary.metrics:
        heading(out, text("Metrics", "指标"))
        indented(out, metric_table(out, summary.metrics))
        if len(summary.names) > len(summary.metrics) and not charts:
            _and_more(out, len(summary.names) - len(summary.metrics))
    _decisions(out, summary, everything=everything)
    _alerts(out, summary, everything=everything)
    draw_outbox(out, summary.outbox, summary.outbox_error)
    _checkpoints(out, summary, everything=everything)
    _costs(out, summary)
    _attempts(out, summary)


def _head(out: Console, summary: RunSummary) -> None:
    record, standing = summary.record, summary.standing
    out.print(Text(printable(f"{summary.run.project}/{summary.run.name}"), "bold"))
    out.print(standing.sentence())
    far, goes = HowFar.of(record.progress, standing.state), len(summary.trainings) or record.attempt
    facts = [
        text(f"epoch {far.epoch_text}", f"第 {far.epoch_text} 轮") if far.epoch_text else "",
        text(f"step {far.step_text}", f"第 {far.step_text} 步") if far.step_text else "",
        text(f"attempt {goes}", f"第 {goes} 次运行") if goes > 1 else "",
        text(f"began {moment(record.created)}", f"始于 {moment(record.created)}"),
        text(f"took {span(record.updated - record.created)}", f"历时 {span(record.updated - record.created)}"),
        text(f"heard of {ago(standing.silence)}", f"上次心跳在{ago(standing.silence)}") if standing.live else "",
    ]
    out.print(" · ".join(filter(None, facts)))
    if record.hparams:
        out.print(Text(" ".join(f"{printable(key)}={printable(value)}" for key, value in record.hparams.items())))
    out.print(Text(" · ".join(filter(None, _environment(summary))), "dim"))
    if record.parent:
        out.print(Text(text("branched from ", "分支自 ") + printable(record.parent), "dim"))


def _environment(summary: RunSummary) -> list[str]:
    record = summary.record
    known, packages, git = record.environment, record.environment.get("packages"), record.git or {}
    torch = packages.get("torch") if isinstance(packages, dict) else None
    commit, branch = printable(git.get("commit") or "")[:8], printable(git.get("branch") or "")
    changed = text(", changed", "，有改动") if git.get("dirty") else ""
    return [
        f"python {printable(known['python'])}" if known.get("python") else "",
        f"torch {printable(torch)}" if torch else "",
        f"{printable(record.host)} (pid {record.pid})" if record.host else "",
        f"git {commit} ({branch}{changed})" if commit else "",
        f"seed {record.seed}" if record.seed is not None else "",
    ]


def _last_words(out: Console, summary: RunSummary, *, everything: bool) -> None:
    words = summary.last_words
    if words is None:
        return
    heading(out, text("Last words", "最后的记录"))
    rows = table(text("what", "内容"), {"overflow": "fold"})
    rows.show_header = False
    rows.add_row(text("heartbeat", "心跳"), moment(words.heartbeat))
    telling = [metric for metric in words.values if not metric.name.startswith("time/")]
    if telling:
        values = ", ".join(f"{printable(metric.name)} {number(metric.last.value)}" for metric in telling[:_SHOWN])
        step = telling[0].last.step
        rows.add_row(text("values", "数值"), text(f"{values} at step {count(step)}", f"第 {count(step)} 步：{values}"))
    if words.alert is not None:
        rows.add_row(text("alert", "告警"), _alert_text(words.alert.data))
    if words.text is not None:
        rows.add_row(printable(words.text.tag), printable(words.text.text[-500:]))
    if words.exception is not None:
        rows.add_row(text("error", "错误"), Text(printable(words.exception.data.get("error")), "red"))
    indented(out, rows)
    lines = words.traceback.splitlines()
    kept = lines if everything else lines[-_TRACEBACK:]
    if kept:
        indented(out, Text("\n".join(map(printable, ["…", *kept] if len(kept) < len(lines) else kept)), "dim"))


def _headline(summary: RunSummary) -> list[Any]:
    by_name = {metric.name: metric for metric in summary.metrics}
    return [by_name[name] for name in headline(list(by_name))]


def _decisions(out: Console, summary: RunSummary, *, everything: bool) -> None:
    decisions = [each for each in summary.decisions if everything or not each.routine]
    if not decisions:
        return
    heading(out, text("Decisions", "决策"))
    narrow = out.width < NARROW
    rows = table(
        {"header": text("step", "步"), "justify": "right"},
        {"header": text("what", "内容"), "overflow": "fold"},
        {"header": text("by", "发起者"), "overflow": "fold"},
        *([] if narrow else [{"header": text("why", "原因"), "overflow": "fold"}]),
        {"header": text("outcome", "结果"), "overflow": "fold"},
    )
    for each in _newest(decisions, everything=everything):
        step = "" if each.entry.step is None else count(each.entry.step)
        rows.add_row(step, each.what, each.who, *([] if narrow else [each.why]), each.outcome())
    indented(out, rows)
    _shortened(out, decisions, everything=everything)


def _alerts(out: Console, summary: RunSummary, *, everything: bool) -> None:
    if not summary.alerts:
        return
    heading(out, text("Alerts", "告警"))
    rows = table(
        {"header": text("step", "步"), "justify": "right"}, {"header": text("alert", "告警"), "overflow": "fold"}
    )
    for alert in _newest(summary.alerts, everything=everything):
        rows.add_row(count(alert.step), _alert_text(alert.data))
    indented(out, rows)
    _shortened(out, summary.alerts, everything=everything)


def _alert_text(data: Any) -> Text:
    style = {"warning": "yellow", "error": "red", "critical": "bold red"}.get(str(data.get("level")), "")
    line = Text(printable(data.get("title") or ""), style)
    detail = " ".join(printable(each) for each in str(data.get("text") or "").splitlines())
    return line.append(text(": ", "：") + detail, "default") if detail else line


def _checkpoints(out: Console, summary: RunSummary, *, everything: bool) -> None:
    entries = summary.checkpoints.entries
    if not entries:
        return
    best, last = summary.checkpoints.best, summary.checkpoints.last
    total = sum(map(bytes_of, entries))
    heading(out, text(f"Checkpoints, {size(total)}", f"检查点，共 {size(total)}"))
    metric = next((name for name in headline(list(entries[-1].metrics)) if name.startswith("val/")), None)
    rows = table(
        {"header": text("name", "名称"), "overflow": "fold"},
        {"header": text("size", "大小"), "justify": "right"},
        *([{"header": printable(metric), "justify": "right"}] if metric else []),
        {"header": text("tags", "标签"), "overflow": "fold"},
    )
    for entry in _newest(entries, everything=everything):
        is_best, is_last = best is not None and best.name == entry.name, last is not None and last.name == entry.name
        marks = [word for word, there in (("best", is_best), ("last", is_last)) if there]
        words = dict.fromkeys([*marks, *(tag for tag in entry.tags if tag not in ("best", "last"))])
        value = entry.metrics[metric].value if metric and metric in entry.metrics else None
        rows.add_row(
            Text(printable(entry.name), "green" if is_best else ""),
            size(bytes_of(entry)),
            *([] if metric is None else ["" if value is None else number(value)]),
            " ".join(map(printable, words)),
        )
    indented(out, rows)
    _shortened(out, entries, everything=everything)


def _costs(out: Console, summary: RunSummary) -> None:
    if not summary.costs:
        return
    heading(out, text("What the callbacks cost", "回调开销"))
    narrow = out.width < NARROW
    figures = [text("calls", "次数"), text("total", "合计")] + ([] if narrow else [text("mean", "平均"), "p99"])
    rows = table(
        {"header": text("callback", "回调"), "overflow": "fold"},
        *([] if narrow else [text("lane", "线程")]),
        *({"header": figure, "justify": "right"} for figure in [*figures, text("share", "占比")]),
    )
    for cost in summary.costs:
        times = [cost.total] if narrow else [cost.total, cost.mean, cost.p99]
        rows.add_row(
            printable(cost.name),
            *([] if narrow else [printable(cost.lane)]),
            count(cost.calls),
            *map(seconds, times),
            f"{cost.share:.1%}",
        )
    indented(out, rows)
    for remark in remarks(summary.costs):
        out.print(Text(printable(remark), "yellow"))


def _attempts(out: Console, summary: RunSummary) -> None:
    if len(summary.trainings) < 2:
        return
    heading(out, text("Attempts", "各次运行"))
    rows = table(text("attempt", "次"), text("began", "开始"), text("from step", "起始步"))
    for each in summary.trainings:
        start = text("the beginning", "从头") if each.resumed_step is None else count(each.resumed_step)
        rows.add_row(str(each.number), moment(each.started), start)
    indented(out, rows)


def _newest(entries: Sequence[_T], *, everything: bool) -> Sequence[_T]:
    return entries if everything else entries[-_SHOWN:]


def _shortened(out: Console, entries: Sequence[object], *, everything: bool) -> None:
    if not everything and len(entries) > _SHOWN:
        _and_more(out, len(entries) - _SHOWN)


def _and_more(out: Console, left: int) -> None:
    out.print(Text(text(f"  … and {count(left)} more: --all", f"  … 还有 {count(left)} 条：--all"), "dim"))

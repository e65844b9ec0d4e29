from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from lineside.control import Kind, Outcome, Request
from lineside.store import RunDirectory, RunRecord, StoreWriter
from tests.unit.cli import written_runs
from tests.unit.cli.commands import call


def section(out: str, title: str) -> list[str]:
    """Return the lines below a heading, up to the next blank line."""
    lines = out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(title))
    rest = lines[start + 1 :]
    return [line.rstrip() for line in rest[: rest.index("") if "" in rest else None]]


def test_a_run_is_shown_from_its_state_to_its_costs(written: Path) -> None:
    out = call("show", "cnn", "--run-dir", written).out
    head = out.split("\n\n")[0]
    assert re.search(r"digits/cnn-.*\n● completed: all 4 epochs are done\nepoch 4/4 · step 20 · began ", head)
    assert "lr=0.1 model={'width': 32}" in head
    assert "python 3.11.7 · torch 2.13.0" in head
    assert "git aaaaaaaa (main, changed) · seed 0" in " ".join(head.split())
    metrics = section(out, "Metrics")
    assert metrics[0].split() == ["metric", "newest", "step", "lowest", "highest", "curve"]
    assert [line.split()[:5] for line in metrics[1:4]] == [
        ["train/loss", "0.2384", "20", "0.2384", "0.8452"],
        ["val/loss", "0.3", "20", "0.3", "1.2"],
        ["val/accuracy", "0.75", "20", "0", "0.75"],
    ]
    assert "20" in section(out, "What the callbacks cost")[1] or "decider" in "".join(
        section(out, "What the callbacks")
    )
    assert "Last words" not in out


def test_each_curve_has_a_chart_where_there_are_no_colours(written: Path) -> None:
    out = call("show", "cnn", "--run-dir", written).out
    assert out.count("└") == 2
    assert re.search(r"^train/loss 0\.\d+ ", out, flags=re.MULTILINE)
    assert re.search(r"^val/loss 0\.3 ", out, flags=re.MULTILINE)
    assert "\x1b" not in out


def test_decisions_tell_what_who_why_and_the_outcome(written: Path) -> None:
    decisions = "\n".join(section(call("show", "cnn", "--run-dir", written, width=150).out, "Decisions"))
    assert re.search(r"10 +set_lr 0\.01 +decider +the loss has flattened +applied", decisions)
    assert re.search(
        r"10 +set_lr 0\.1 \(group nobody\) +decider +who knows +refused: there is no group 'nobody'", decisions
    )
    assert "save special" not in decisions
    everything = call("show", "cnn", "--all", "--run-dir", written, width=150).out
    assert re.search(r"10 +save special +decider +the best so far +applied", everything)


def test_alerts_and_checkpoints_are_listed(written: Path) -> None:
    out = call("show", "cnn", "--run-dir", written, width=120).out
    assert "Overfitting: The gap is 0.67 and grows." in out
    checkpoints = "\n".join(section(out, "Checkpoints"))
    assert re.search(r"epoch0002-step00000010-\w{4} +[\d.]+ kB +0\.6 +special", checkpoints)
    assert re.search(r"epoch0004-step00000020-\w{4} +[\d.]+ kB +0\.3 +last", checkpoints)


def test_chosen_metrics_have_a_chart_each_and_no_others_are_shown(written: Path) -> None:
    out = call("show", "cnn", "-m", "val/*", "--run-dir", written).out
    assert out.count("└") == 2
    assert [line.split()[0] for line in section(out, "Metrics")[1:]] == ["val/loss", "val/accuracy"]
    missing = call("show", "cnn", "-m", "val/los", "--run-dir", written)
    assert missing.code == 1
    assert "Did you mean 'val/loss'?" in missing.error


def test_a_run_that_failed_shows_its_last_words(written: Path) -> None:
    out = call("show", "broken", "--run-dir", written, width=150).out
    assert out.splitlines()[1] == r"● failed: ValueError: no more \x1b[31mred\x1b[0m"
    words = section(out, "Last words")
    assert any(re.match(r" +values +batch/loss nan at step 3", line) for line in words)
    assert any(re.match(r" +note +the last thing that was said", line) for line in words)
    assert any(r"error" in line and r"ValueError: no more \x1b[31mred\x1b[0m" in line for line in words)
    assert any('raise ValueError("no more' in line for line in words)
    assert "\x1b" not in out


def test_a_run_that_was_killed_shows_when_its_heart_stopped(written: Path) -> None:
    out = call("show", "dead", "--run-dir", written, width=150).out
    assert out.splitlines()[1].startswith("● killed: its process is gone; last heard of ")
    # The record says step 25, as it was written last; the values go on to step 27.
    assert out.splitlines()[2].startswith("epoch 3/10 · step 27 · ")
    words = "\n".join(section(out, "Last words"))
    assert re.search(r"heartbeat +20\d\d-", words)
    assert re.search(r"values +batch/loss 0\.03571 at step 27", words)
    assert re.search(r"alert +Loss spike", words)
    assert "error" not in words


def test_a_run_that_recorded_nothing_is_shown_all_the_same(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "p" / "young")
    run.path.mkdir(parents=True)
    run.write_record(RunRecord(run.name, "p", "young", "failed", 0.0, 1.0, reason="the run could not be set up"))
    called = call("show", "young", "--run-dir", tmp_path)
    assert called.out.splitlines()[1] == "● failed: the run could not be set up"
    assert call("show", "young", "--run-dir", tmp_path, "--json").document["metrics"] == []


def test_long_lists_are_shortened_unless_all_is_asked_for(tmp_path: Path) -> None:
    run = written_runs.killed(tmp_path)
    writer = StoreWriter(run.database, 1, lambda: 0.0)
    for step in range(15):
        writer.event("alert", step=step, epoch=0, time=0.0, data={"title": f"alert {step}"})
    writer.rows([(1, 0, 1.0, {f"extra/{number}": 1.0 for number in range(30)})])
    writer.close()
    out = call("show", "dead", "--run-dir", tmp_path).out
    assert "alert 14" in out
    assert "alert 4\n" not in out
    assert "… and 6 more: --all" in out
    assert "… and 11 more: --all" in out
    everything = call("show", "dead", "--all", "--run-dir", tmp_path).out
    assert "more: --all" not in everything
    assert "alert 0" in everything


def test_attempts_are_told_where_there_are_several(tmp_path: Path) -> None:
    run = written_runs.killed(tmp_path)
    writer = StoreWriter(run.database, 2, lambda: 0.0)
    writer.begin_attempt(2, 20, 1e9)
    writer.close()
    attempts = section(call("show", "dead", "--run-dir", tmp_path).out, "Attempts")
    assert attempts[1].split()[0] == "1"
    assert attempts[1].endswith("the beginning")
    assert attempts[2].endswith(" 20")


def test_an_evaluation_behind_the_training_is_no_attempt_at_it(tmp_path: Path) -> None:
    run = written_runs.killed(tmp_path)
    for attempt, kinds in ((1, ["train_start"]), (2, ["train_start", "end"]), (3, []), (4, [])):
        writer = StoreWriter(run.database, attempt, lambda: 0.0)
        if attempt > 1:
            writer.begin_attempt(attempt, 27, 1e9)
        for kind in kinds:
            writer.event(kind, step=27, epoch=2, time=0.0, data={})
        writer.close()
    out = call("show", "dead", "--run-dir", tmp_path).out
    assert " · attempt 2 · " in out
    assert [line.split()[0] for line in section(out, "Attempts")] == ["attempt", "1", "2"]
    document = call("show", "dead", "--run-dir", tmp_path, "--json").document
    assert [attempt["evaluates"] for attempt in document["attempts"]] == [False, False, True, True]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_nothing_is_wider_than_the_terminal(written: Path, width: int) -> None:
    for name in ("cnn", "broken", "dead"):
        out = call("show", name, "--run-dir", written, width=width).out
        assert max(map(len, out.splitlines())) <= width


def test_the_shape_of_the_json(written: Path) -> None:
    document = call("show", "cnn", "--run-dir", written, "--json").document
    assert " ".join(document) == (
        "run project path name state silent reason created updated host pid attempt seed parent progress hparams "
        "environment git attempts metrics decisions alerts outbox checkpoints costs last_words"
    )
    assert document["state"] == "completed"
    assert document["hparams"] == {"lr": 0.1, "model": {"width": 32}}
    assert document["attempts"][0]["number"] == 1
    assert {"name", "step", "epoch", "value", "time", "better", "lowest", "highest"} == set(document["metrics"][0])
    assert [alert["title"] for alert in document["alerts"]] == ["set_lr was refused", "Overfitting"]
    assert {cost["name"] for cost in document["costs"]} == {"decider", "checkpoints"}
    assert {"best", "last", "resumable", "bytes", "metrics"} < set(document["checkpoints"][0])
    assert document["last_words"] is None
    words = call("show", "broken", "--run-dir", written, "--json").document["last_words"]
    assert words["error"] == "ValueError: no more \x1b[31mred\x1b[0m"
    assert words["text"] == {"tag": "note", "text": "the last thing that was said"}
    assert words["metrics"]["batch/loss"] == "nan"
    assert "raise ValueError" in words["traceback"]


def test_chinese_speaks_chinese_and_stays_in_line(written: Path) -> None:
    out = call("show", "cnn", "--run-dir", written, language="zh").out
    assert "● 已完成：" in out
    rows = section(out, "指标")
    place = cell_len(rows[0][: rows[0].index("步") + 1])
    for row in rows[1:4]:
        assert cell_len(row[: row.index(" 20 ") + 3]) == place


def test_costs_that_are_none_are_passed_over(tmp_path: Path) -> None:
    run = written_runs.killed(tmp_path)
    good = {"name": "n", "lane": "inline", "calls": 1, "total": 1.0, "mean": 1.0, "p99": 1.0, "share": 0.5}
    good |= {"failures": 0, "dropped": 0, "disabled": []}
    writer = StoreWriter(run.database, 1, lambda: 0.0)
    writer.event("end", step=1, epoch=0, time=1.0, data={"costs": [3, {}, good | {"calls": "many"}, good]})
    writer.close()
    assert [cost["name"] for cost in call("show", "dead", "--run-dir", tmp_path, "--json").document["costs"]] == ["n"]


@pytest.mark.parametrize(
    "command", [["show"], ["show", "--json"], ["list"], ["compare"], ["follow"], ["verify"], ["doctor"]]
)
def test_a_crafted_run_is_shown_or_named_but_never_a_traceback(tmp_path: Path, command: list[str]) -> None:
    run = written_runs.killed(tmp_path)
    other = written_runs.killed(tmp_path, name="other")
    record = json.loads(run.record_path.read_bytes())
    record |= {
        "created": math.nan,
        "updated": math.inf,
        "hparams": {"\x1b[1m": [None, {"a": "\x1b"}]},
        "git": {"commit": 3},
    }
    record |= {"progress": {"epoch": [], "step": 10**400}, "environment": {"packages": 7, "python": {}}, "host": "\x1b"}
    run.record_path.write_text(json.dumps(record))
    writer = StoreWriter(run.database, 1, lambda: math.inf)
    writer.event("alert", step=1, epoch=0, time=math.inf, data={"title": ["\x1b"], "text": {"a": 1}, "level": []})
    writer.event("epoch_end", step=1, epoch=0, time=0.0, data={"val/loss": 10**400, "\x1b": 1})
    writer.event("exception", step=1, epoch=0, time=0.0, data={"traceback": 3})
    writer.request(Request(Kind.SET_LR, "\x1b", "\x1b", "operator", {"value": 10**400}), Outcome(applied=False, step=1))
    writer.rows([(2, 0, math.nan, {"\x1b[31m": math.nan, "val/\n": 1.0})])
    writer.close()
    names = [run.name, other.name] if command == ["compare"] else [run.name] if command != ["list"] else []
    called = call(*command, *names, "--run-dir", tmp_path)
    assert called.code in (0, 1)
    assert "\x1b" not in called.out

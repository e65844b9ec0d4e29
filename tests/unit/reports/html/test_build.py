from __future__ import annotations

import importlib.util
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from lineside.control import Kind, Outcome
from lineside.errors import MissingDependency, ReportNotWritten, RunNotFound
from lineside.reports.html.build import build_report
from tests.unit.checkpoints.toys import save
from tests.unit.reports.html.recorded import Recorded, cost

CANARY = "</script><script>alert('canary')</script><img src=x onerror=alert(1)>"


def noise(count: int) -> list[float]:
    return [0.1 + (index * 7919 % 1000) / 1e6 for index in range(count)]


def test_the_report_lies_in_the_run_directory_and_tells_the_story(recorded: Recorded) -> None:
    recorded.record(hparams={"lr": 0.004})
    recorded.metric("val/loss", [1.0, 0.5, 0.75], every=30)
    recorded.request(Kind.STOP, Outcome(applied=True, step=90), reason="no better for 8 values", author="watcher")
    recorded.event("alert", {"title": "It is hot", "author": "thermometer"}, step=60, epoch=1)
    recorded.ended("stopped", "no better for 8 values", costs=[cost("slow-one")])
    recorded.end("stopped", reason="no better for 8 values")
    name = save(recorded.checkpoints(), 9)
    path = build_report(recorded.path)
    assert path == recorded.path / "report.html"
    page = path.read_text("utf-8")
    for words in ("no better for 8 values", "watcher", "It is hot", "thermometer", "slow-one", name, "0.004", "0.5000"):
        assert words in page
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    ("setting", "asked", "lang", "word"),
    [("en", None, "en", "Decisions"), ("zh", None, "zh-CN", "决策"), ("en", "zh", "zh-CN", "决策")],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_reader(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, setting: str, asked: Any, lang: str, word: str
) -> None:
    monkeypatch.setenv("LINESIDE_LANG", setting)
    recorded.request(Kind.STOP, None)
    recorded.end()
    page = build_report(recorded.path, reader_language=asked).read_text("utf-8")
    assert f'<html lang="{lang}">' in page
    assert f"<h2>{word}</h2>" in page


def test_no_sentence_of_the_page_stays_english_in_chinese(recorded: Recorded) -> None:
    recorded.metric("val/loss", [1.0, math.nan])
    recorded.request(Kind.SET_LR, Outcome(applied=False, step=1, detail="无"), value=0.1, author="李", reason="试")
    recorded.event("alert", {"title": "热", "author": "表"})
    recorded.ended(costs=[cost("慢")])
    recorded.attempt(2, resumed_step=1)
    body = recorded.report("zh").split("<main>")[1].split("</main>")[0]
    shown = re.sub(r"<[^>]*>", " ", body)
    words = set(re.findall(r"[A-Za-z]{3,}", shown))
    assert words <= {"val", "loss", "NaN", "cnn", "digits", "tmp", "dev", "shm", "lineside", *re.findall(
        r"[A-Za-z]{3,}", str(recorded.path))}  # fmt: skip


def test_whatever_a_run_says_is_text(recorded: Recorded) -> None:
    recorded.record(
        name=CANARY, project=CANARY, reason=CANARY, host=CANARY, parent=CANARY,
        hparams={CANARY: CANARY, "deep": {CANARY: [CANARY]}}, git={"branch": CANARY},
        environment={CANARY: CANARY, "packages": {CANARY: CANARY}},
    )  # fmt: skip
    for name in (CANARY, f"val/{CANARY}", f"system/{CANARY}", f"batch/{CANARY}", f"lr/{CANARY}"):
        recorded.metric(name, [1.0, 0.5, math.nan])
    recorded.request(Kind.SET_LR, Outcome(False, 1, CANARY), author=CANARY, reason=CANARY, value=CANARY, group=CANARY)
    recorded.request(Kind.RESTORE, Outcome(True, 1, CANARY), author=CANARY, reason=CANARY, checkpoint=CANARY)
    recorded.event("alert", {"title": CANARY, "text": CANARY, "author": CANARY, "level": CANARY})
    recorded.event("exception", {"error": CANARY, "traceback": CANARY})
    recorded.ended(CANARY, CANARY, costs=[cost(CANARY, lane=CANARY, disabled=[CANARY], failures=1)])
    recorded.text(CANARY, CANARY)
    store = recorded.checkpoints()
    save(store, 10, loss=0.5, tags=[CANARY], pins=[CANARY])
    recorded.end("failed", reason=CANARY)
    for language in ("en", "zh"):
        page = recorded.report(language)
        assert page.count("canary") > 30
        assert "<script>alert" not in page
        assert "<img" not in page
        # The data, two scripts of ours, and no more.
        assert page.count("</script>") == 3


def test_what_is_no_text_at_all_can_be_reported(recorded: Recorded) -> None:
    recorded.record(hparams={"name": "caf\udce9"}, reason="\ud800")
    recorded.end()
    assert "caf\\udce9" in recorded.report()


def test_the_data_of_the_page_is_json_without_nan(recorded: Recorded) -> None:
    recorded.metric("val/loss", [math.nan, 1.0, math.inf])
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', recorded.report())
    assert data is not None
    found = json.loads(data[1], parse_constant=pytest.fail)
    assert found["charts"][0]["curves"][0]["values"] == [None, 1.0, None]


def test_a_spike_among_very_many_points_is_in_the_page_and_the_page_is_small(recorded: Recorded) -> None:
    values = {f"batch/m{number}": noise(20_000) for number in range(10)}
    for number, column in enumerate(values.values()):
        column[7_777] = 12345.0 + number
    recorded.metrics(values)
    page = recorded.report()
    assert all(f"{12345.0 + number}" in page for number in range(10))
    assert len(page) < 700_000


def test_a_page_of_very_many_metrics_is_small(recorded: Recorded) -> None:
    recorded.metrics({f"gradients/layer{number}.weight": noise(500) for number in range(400)})
    page = recorded.report()
    assert "(100): gradients/layer300.weight" in page
    assert len(page) < 1_500_000


def test_a_run_that_died_before_it_recorded_anything(recorded: Recorded) -> None:
    recorded.end("running")
    recorded.directory.database.unlink()
    page = build_report(recorded.path, reader_language="en").read_text("utf-8")
    assert "</span>killed</p>" in page


def test_the_file_is_where_it_is_wanted(recorded: Recorded, tmp_path: Path) -> None:
    recorded.end()
    assert build_report(recorded.path, output=tmp_path / "a.html") == tmp_path / "a.html"
    assert (tmp_path / "a.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert not (recorded.path / "report.html").exists()
    with pytest.raises(ReportNotWritten, match=r"missing.*cannot be written"):
        build_report(recorded.path, output=tmp_path / "missing" / "a.html")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound):
        build_report(tmp_path)


def test_without_jinja2_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("lineside.reports.html.build.find_spec", lambda name: None if name == "jinja2" else real(name))
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[report\]'"):
        build_report(recorded.path)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineside.advice import Facts
from lineside.advice import machine as advice_machine
from lineside.cli.checkup import installed, place
from lineside.cli.checkup import machine as checked_machine
from lineside.cli.checkup.finding import Finding
from lineside.files import Mount
from lineside.ports import CallbackInfo
from lineside.store import StoreWriter
from tests.unit.cli import written_runs
from tests.unit.cli.commands import call

FINDINGS = [
    Finding("python", "ok", "Python 3.11"),
    Finding("extra-plots", "missing", "plots: matplotlib is not installed", "pip install 'lineside[plots]'"),
    Finding("shared-memory", "warning", "too small", "docker run --shm-size=8g …", "https://example.org"),
]


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the checks find, to be changed by a test."""
    found = list(FINDINGS)
    monkeypatch.setattr(installed, "check_installed", lambda: found)
    monkeypatch.setattr(checked_machine, "check_machine", list)
    monkeypatch.setattr(place, "check_place", lambda run_dir: [])
    monkeypatch.setattr(advice_machine, "_container", lambda root: None)
    return found


def test_each_finding_has_a_mark_a_remedy_and_a_source(findings: list[Finding]) -> None:
    called = call("doctor")
    assert called.code == 0
    assert [line.rstrip() for line in called.out.splitlines()] == [
        "✓ Python 3.11",
        "– plots: matplotlib is not installed",
        "  → pip install 'lineside[plots]'",
        "! too small",
        "  → docker run --shm-size=8g …",
        "  https://example.org",
    ]


def test_an_error_ends_with_1(findings: list[Finding]) -> None:
    findings.append(Finding("sqlite", "error", "too old"))
    called = call("doctor")
    assert called.code == 1
    assert "✗ too old" in called.out


def test_a_run_gets_advice_with_its_source(
    findings: list[Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINESIDE_ADVICE", raising=False)
    run = written_runs.killed(tmp_path)
    options: dict[str, Any] = {"monitor": "val/loss", "patience": 5, "restore_best_weights": False}
    facts = Facts(callbacks=[CallbackInfo("early-stopping", "EarlyStopping", enabled=True, options=options)])
    writer = StoreWriter(run.database, 1, lambda: 0.0)
    writer.event("facts", step=0, epoch=0, time=0.0, data=facts.plain())
    writer.close()
    document = call("doctor", "dead", "--run-dir", tmp_path, "--json").document
    (advice,) = [finding for finding in document if finding["check"] == "restore-best-weights"]
    assert advice["level"] == "info"
    assert advice["source"].startswith("https://")
    assert "i early-stopping has restore_best_weights=False" in call("doctor", "dead", "--run-dir", tmp_path).out


def test_the_place_of_runs_in_a_container_gets_advice(
    findings: list[Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINESIDE_ADVICE", raising=False)
    monkeypatch.setattr(advice_machine, "_container", lambda root: "docker")
    monkeypatch.setattr(advice_machine, "mount_of", lambda directory: Mount("/", "overlay", shared=False))
    found = {each["check"]: each["level"] for each in call("doctor", "--run-dir", tmp_path, "--json").document}
    assert found["container-volume"] == "warning"


def test_the_shape_of_the_json(findings: list[Finding]) -> None:
    assert call("doctor", "--json").document[1] == {
        "check": "extra-plots",
        "level": "missing",
        "text": "plots: matplotlib is not installed",
        "remedy": "pip install 'lineside[plots]'",
        "source": "",
    }


def test_everything_can_really_be_looked_at(tmp_path: Path) -> None:
    called = call("doctor", "--run-dir", tmp_path, "--json")
    checks = {finding["check"] for finding in called.document}
    assert {"python", "core", "sqlite", "run-dir", "room"} <= checks
    assert call("doctor", "--run-dir", tmp_path, language="zh", width=40).out

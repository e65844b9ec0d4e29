from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from lineside.cli.checkup import installed
from lineside.cli.checkup.finding import Finding
from lineside.cli.checkup.installed import check_installed

REQUIRED = [
    "rich<16,>=13.8",
    'numpy>=1.26; extra == "torch"',
    'torch>=2.6 ; extra == "torch"',
    "matplotlib>=3.8; extra == 'plots'",
    'lineside[plots,torch]; extra == "all"',
    'scikit-learn>=1.4; extra == "demo"',
    'lineside[torch]; extra == "demo"',
]


def findings(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> dict[str, Finding]:
    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(installed, "requires", lambda name: REQUIRED)
    monkeypatch.setattr(installed, "version", version)
    return {finding.check: finding for finding in check_installed()}


def test_each_extra_is_there_or_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch, {"rich": "15.0.0", "numpy": "2.4.6", "torch": "2.13.0+cpu"})
    assert list(found) == ["python", "core", "extra-torch", "extra-plots", "extra-demo"]
    assert [finding.level for finding in found.values()] == ["ok", "ok", "ok", "missing", "missing"]
    assert found["extra-torch"].text == "torch: numpy 2.4.6, torch 2.13.0+cpu"
    assert found["extra-plots"].text == "plots: matplotlib is not installed"
    assert found["extra-plots"].remedy == "pip install --upgrade 'lineside[plots]'"


def test_half_an_extra_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch, {"rich": "15.0.0", "torch": "2.13.0"})["extra-torch"]
    assert (found.level, found.text) == ("warning", "torch: numpy is not installed")


@pytest.mark.parametrize(
    ("rich", "level"),
    [
        ("13.8", "ok"),
        ("13.8.0", "ok"),
        ("13.10.1", "ok"),
        ("15.99rc1", "ok"),
        ("13.7.9", "warning"),
        ("16", "warning"),
        ("16.0.0", "warning"),
    ],
)
def test_versions_are_held_against_the_range(monkeypatch: pytest.MonkeyPatch, rich: str, level: str) -> None:
    found = findings(monkeypatch, {"rich": rich})["core"]
    assert found.level == level
    assert (f"rich {rich} does not fit rich<16,>=13.8" in found.text) == (level == "warning")


def test_lineside_itself_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installed, "requires", not_there)
    assert [finding.level for finding in check_installed()] == ["ok", "warning"]

"""The pins: complete, installed as written, and within the ranges that the package promises."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.repository import ROOT

# torch chooses them where the build for NVIDIA's devices is installed; other machines have none of them.
ACCELERATED = ("cuda-", "nvidia-", "triton")
# In an environment of its own, by a distribution of another name.
APART = {"lineside", "ultralytics"}


def lines(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from lines(path.with_name(text.removeprefix("-r ").strip()))
        elif text:
            yield text


def pins(name: str) -> dict[str, Requirement]:
    """Return the pins that hold on this platform, by canonical name."""
    found = [Requirement(line) for line in lines(ROOT / "requirements" / name)]
    return {canonicalize_name(pin.name): pin for pin in found if pin.marker is None or pin.marker.evaluate()}


def required(pin: Requirement) -> Iterator[Requirement]:
    """Yield what an installed distribution asks for, the extras included that others ask of it."""
    for line in distribution(pin.name).requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in {"", *pin.extras}):
            yield requirement


def promised() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    ranges = [Requirement(line) for line in (*project["dependencies"], *extras)]
    return [requirement for requirement in ranges if requirement.name not in APART]


@pytest.mark.parametrize("name", ["run.txt", "test.txt"])
def test_every_line_is_one_exact_pin(name: str) -> None:
    loose = [str(pin) for pin in pins(name).values() if [part.operator for part in pin.specifier] != ["=="]]
    assert loose == []


@pytest.mark.parametrize("name", ["run.txt", "test.txt"])
def test_what_a_pinned_distribution_requires_is_pinned_too(name: str) -> None:
    pinned = pins(name)
    pending = list(pinned.values())
    seen: set[tuple[str, frozenset[str]]] = set()
    missing = []
    while pending:
        parent = pending.pop()
        for child in required(parent):
            key = (canonicalize_name(child.name), frozenset(child.extras))
            if key in seen or key[0].startswith(ACCELERATED):
                continue
            seen.add(key)
            if key[0] in pinned:
                pending.append(child)
            else:
                missing.append(f"{child.name}=={version(child.name)} (for {parent.name})")
    assert missing == []


def test_what_is_installed_is_what_is_pinned() -> None:
    different = {
        name: version(name)
        for name, pin in pins("test.txt").items()
        if not pin.specifier.contains(Version(version(name)).public, prereleases=True)
    }
    assert different == {}


@pytest.mark.parametrize("requirement", promised(), ids=str)
def test_the_pin_lies_within_the_promised_range(requirement: Requirement) -> None:
    (exact,) = pins("test.txt")[canonicalize_name(requirement.name)].specifier
    assert requirement.specifier.contains(exact.version)


def test_the_core_and_the_demo_need_only_what_run_txt_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    core = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    assert core <= pins("run.txt").keys()

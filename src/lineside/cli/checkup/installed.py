"""What is installed: Lineside's own dependencies and extras, as its metadata names them. Nothing is imported."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import lineside
from lineside.cli.checkup.finding import Finding, Level
from lineside.language import text


def check_installed() -> Iterator[Finding]:
    """Yield a finding for Python and the core, and one for each extra."""
    yield Finding("python", "ok", f"Python {platform.python_version()}, Lineside {lineside.__version__}")
    try:
        requirements = requires("lineside") or []
    except PackageNotFoundError:
        sentence = text(
            "Lineside runs from its source and is not installed, so its extras are not known.",
            "Lineside 直接从源码运行，没有安装，因此无法得知其可选依赖。",
        )
        yield Finding("extras", "warning", sentence, "pip install .")
        return
    for extra, lines in _by_extra(requirements).items():
        yield _extra(extra, lines)


def _by_extra(requirements: Iterable[str]) -> dict[str, list[str]]:
    """Group requirements by extra; those that only name other extras of Lineside are left out."""
    groups: dict[str, list[str]] = {}
    for line in requirements:
        marker = re.search(r"""extra == ['"]([^'"]+)""", line)
        if not line.startswith("lineside["):
            groups.setdefault(marker[1] if marker else "", []).append(line.partition(";")[0].strip())
    return groups


def _extra(extra: str, lines: Iterable[str]) -> Finding:
    there, wrong = [], []
    for line in lines:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        try:
            found = version(name)
        except PackageNotFoundError:
            wrong.append(text(f"{name} is not installed", f"没有安装 {name}"))
            continue
        there.append(f"{name} {found}")
        if not _fits(found, line):
            wrong.append(text(f"{name} {found} does not fit {line}", f"{name} {found} 不符合 {line}"))
    check, title = f"extra-{extra}" if extra else "core", extra or text("core", "核心")
    if not wrong:
        return Finding(check, "ok", f"{title}: {', '.join(there)}")
    remedy = f"pip install --upgrade 'lineside[{extra}]'" if extra else "pip install --upgrade lineside"
    level: Level = "warning" if there or not extra else "missing"
    return Finding(check, level, f"{title}: {', '.join(wrong)}", remedy)


def _fits(found: str, requirement: str) -> bool:
    """Tell whether a version lies in a range of ``>=`` and ``<``; other signs are not looked at."""
    mine = _numbers(found)
    bounds = re.findall(r"(>=|<)\s*([\d.]+)", requirement)
    return all(mine >= _numbers(bound) if sign == ">=" else mine < _numbers(bound) for sign, bound in bounds)


def _numbers(version_text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, without zeros at the end: 3.0 is 3."""
    leading = re.match(r"\d+(?:\.\d+)*", version_text)
    numbers = [int(part) for part in leading[0].split(".")] if leading else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

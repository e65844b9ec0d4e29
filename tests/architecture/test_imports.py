"""What comes along with an import of Lineside."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement

import lineside
from tests.architecture.repository import ROOT

HEAVY = {
    "IPython",
    "jax",
    "keras",
    "lightning",
    "matplotlib",
    "numpy",
    "pandas",
    "pytorch_lightning",
    "scipy",
    "sklearn",
    "tensorboard",
    "tensorflow",
    "torch",
    "torchmetrics",
    "tqdm",
    "transformers",
    "ultralytics",
}
# Rooms that name what an extra installs: those of a framework, the demo, what draws or sends in another process.
TIED = (
    "lineside.adopted.",
    "lineside.alerts.channels.carrier.",
    "lineside.alerts.channels.services.",
    "lineside.backends.",
    "lineside.bridges.",
    "lineside.cli.",
    "lineside.reports.",
    "lineside.trainer.",
)


def loaded_after(code: str) -> set[str]:
    """Return the top-level names in `sys.modules` after a fresh interpreter has run the code."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def foreign(modules: Iterable[str]) -> set[str]:
    """Leave out Lineside, the standard library and what the interpreter itself had loaded at its start."""
    return set(modules) - loaded_after("") - set(sys.stdlib_module_names) - {"lineside"}


def core_modules() -> set[str]:
    """Return the import names of the core dependencies and of all that they require."""
    declared = distribution("lineside").requires or []
    pending = [Requirement(line) for line in declared if "extra ==" not in line]
    names: set[str] = set()
    modules: set[str] = set()
    while pending:
        requirement = pending.pop()
        if requirement.name in names or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        names.add(requirement.name)
        found = distribution(requirement.name)
        modules |= {str(file.parts[0]).partition(".")[0] for file in found.files or [] if file.suffix in {".py", ".so"}}
        pending += [Requirement(line) for line in found.requires or []]
    return modules


def test_importing_lineside_loads_nothing_but_the_standard_library(capsys: pytest.CaptureFixture[str]) -> None:
    timed = "import time; start = time.perf_counter(); import lineside; seconds = time.perf_counter() - start"
    report = "import sys; print(f'import lineside: {seconds:.3f} s (budget: 0.3 s)', file=sys.stderr)"
    with capsys.disabled():  # reported, not judged: the machine may be busy
        loaded = loaded_after(f"{timed}\n{report}")
    assert foreign(loaded) == set()


def test_the_names_that_a_callback_needs_load_nothing_heavy() -> None:
    loaded = loaded_after("from lineside import Callback, Run, every")
    assert foreign(loaded) & (HEAVY | {"rich", "typer"}) == set()


def test_every_exported_name_can_be_had() -> None:
    assert [name for name in lineside.__all__ if not hasattr(lineside, name)] == []


def test_type_checkers_see_every_exported_name() -> None:
    tree = ast.parse((ROOT / "src/lineside/__init__.py").read_text("utf-8"))
    seen = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    assert set(lineside.__all__) - seen == set()


def test_all_other_rooms_load_with_the_core_dependencies_alone() -> None:
    source = ROOT / "src"
    paths = (path.relative_to(source).with_suffix("").parts for path in source.rglob("*.py"))
    modules = {".".join(parts).removesuffix(".__init__") for parts in paths if parts[-1] != "__main__"}
    free = sorted(module for module in modules if not f"{module}.".startswith(TIED))
    assert {"lineside.callbacks", "lineside.errors", "lineside.testing"} <= set(free)
    loaded = loaded_after(f"import importlib\nfor module in {free}: importlib.import_module(module)")
    assert foreign(loaded) - core_modules() == set()

"""The package in `examples/` brings a callback along, and is what the guide shows."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from lineside.testing import FakeRun
from lineside.testing.contract import CallbackContract
from tests.unit.config.conftest import SOUND

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "examples" / "lineside-bell"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Install the package as its users do, into a directory of its own."""
    folder = tmp_path_factory.mktemp("third-party")
    source, target = folder / "source", folder / "target"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-input"]
    subprocess.run([*install, "--disable-pip-version-check", "--target", target, source], check=True)
    return target


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> None:
    """Leave nothing where the tests were started."""
    monkeypatch.chdir(tmp_path)


def lineside(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (installed, ROOT, ROOT / "src")))
    command = [sys.executable, "-m", "lineside", *arguments]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False, capture_output=True, text=True)


def test_the_callback_is_used_by_its_name(installed) -> None:
    Path("f.yaml").write_text(f"{SOUND}callbacks:\n  - bell: {{times: 3}}\n")
    done = lineside(installed, "train", "f.yaml", "--quiet", "trainer.epochs=1")
    assert (done.returncode, done.stderr) == (0, "\a\a\a")


def test_its_options_are_checked_and_explained_as_those_of_built_in_ones(installed) -> None:
    Path("f.yaml").write_text(f"{SOUND}callbacks:\n  - Bell: {{time: 3}}\n")
    done = lineside(installed, "config", "check", "f.yaml")
    assert done.returncode == 2
    assert "f.yaml:10:12: callbacks.Bell: there is no 'time'. Did you mean 'times'?" in done.stdout
    schema = json.loads(lineside(installed, "config", "schema").stdout)
    assert schema["$defs"]["callback:bell"]["properties"]["times"]["description"] == "how often."


def test_without_the_package_there_is_no_such_name(mistakes) -> None:
    (told,) = mistakes(f"{SOUND}callbacks: [bell]\n")
    assert told.startswith("f.yaml:9:13: callbacks: No callback is registered as 'bell'.")


def bell(**options):
    spec = spec_from_file_location("bell", PACKAGE / "src" / "lineside_bell" / "bell.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Bell(stream=io.StringIO(), **options)


class TestBell(CallbackContract):
    def make(self, **options):
        return bell(**options)


def test_it_rings_once_when_all_is_over() -> None:
    callback = bell(times=2)
    run = FakeRun([callback])
    run.epoch_end(loss=1.0)
    assert callback.stream.getvalue() == ""
    run.train_end()
    assert callback.stream.getvalue() == "\a\a"

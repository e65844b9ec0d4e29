"""A canary is searched for in everything that a run leaves behind and prints, while all of its channels fail."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from lineside.outbox.standing import OutboxStanding
from lineside.testing.robots import Reply, RobotServer
from tests.faults.alerts.leaking_training import CANARIES
from tests.unit.config.conftest import SOUND

pytest.importorskip("torch")
pytest.importorskip("apprise")
ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture
def telltale() -> Iterator[Callable[[str], str]]:
    """A chat that repeats a key in its refusals; returns where it listens."""
    with RobotServer() as robots:

        def repeating(key: str) -> str:
            refusal = {"errcode": 93000, "errmsg": f"no such key: {key}"}
            robots.replies.extend(Reply(refusal) for _ in range(100))
            return robots.endpoint

        yield repeating


def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets" / "address"
    file.write_text(f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARIES['FILE']}/?endpoint=http://127.0.0.1:9\n", "utf-8")
    return os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "WECOM_KEY": CANARIES["ENV"],
        "MAIL_PASSWORD": CANARIES["PW"],
        "ADDRESS_FILE": str(file),
        "CUDA_VISIBLE_DEVICES": "",
    }


def leaks(data: bytes) -> list[str]:
    """Return the canaries in some data, as they are or as something makes them."""
    return [
        where
        for where, canary in CANARIES.items()
        for form in (canary, quote(canary), base64.b64encode(canary.encode()).decode().rstrip("="), canary[::-1])
        if form.encode() in data or form.encode("utf-16-le") in data
    ]


def searched(directory: Path) -> int:
    """Search all files below a directory; return how many there are."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    found = {str(path.relative_to(directory)): leaks(path.read_bytes()) for path in files}
    assert {path: where for path, where in found.items() if where} == {}
    assert [path for path in files if leaks(str(path).encode())] == []
    return len(files)


def run_of(directory: Path) -> Path:
    (record,) = directory.rglob("run.json")
    return record.parent


def test_a_canary_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" + CANARIES["PW"].encode())
    with pytest.raises(AssertionError, match="PW"):
        searched(tmp_path)


def test_no_secret_of_a_script_shows_anywhere(tmp_path: Path, telltale: Callable[[str], str]) -> None:
    runs, variables = tmp_path / "runs", environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.alerts.leaking_training", runs, telltale(CANARIES["URL"])],
        cwd=ROOT, env=variables, capture_output=True, check=True, timeout=200,
    )  # fmt: skip
    assert leaks(done.stdout + done.stderr) == []
    assert b"RuntimeError" in done.stderr  # the callback that shouts was heard
    directory = run_of(runs)
    assert searched(runs) > 10
    assert (directory / "report.html").is_file()
    standing = OutboxStanding.read(directory)
    failed = {failure.detail for failure in standing.failures}
    assert "the receiver answered errcode 93000: no such key: ***" in failed
    assert any("malformed" in detail for detail in failed)
    waiting = {queue.destination.partition(":")[0]: queue.detail for queue in standing.queues}
    assert {"wecombot", "mailtos", "file", "literal"} <= set(waiting)
    assert all("cannot be reached" in str(detail) for detail in waiting.values())
    deliver = subprocess.run(
        [sys.executable, "-m", "lineside", "deliver", str(directory), "--wait", "1 s"],
        cwd=tmp_path, env=variables, capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    assert deliver.returncode == 4, deliver.stderr.decode()
    assert leaks(deliver.stdout + deliver.stderr) == []
    assert searched(runs) > 10


ALERTS = """\
callbacks:
  - alert: {name: env, when: train/loss > 0, close_timeout: 3.0, to: "wecombot://${WECOM_KEY}?endpoint=CHAT"}
  - alert: {name: gone, when: train/loss > 0, close_timeout: 3.0, to: "wecombot://${WECOM_KEY}?endpoint=http://127.0.0.1:9"}
  - email-alert: {to: bob@example.com, close_timeout: 3.0, server: "mailtos://ada:${MAIL_PASSWORD}@127.0.0.1:9"}
  - summary-report
"""


def test_no_secret_of_a_configuration_shows_anywhere(tmp_path: Path, telltale: Callable[[str], str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SOUND + ALERTS.replace("CHAT", telltale(CANARIES["ENV"])), "utf-8")
    variables = environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "lineside", "train", str(config)],
        cwd=tmp_path, env=variables, capture_output=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert leaks(done.stdout + done.stderr) == []
    directory = run_of(tmp_path / "runs")
    assert searched(tmp_path / "runs") > 5
    assert "wecombot://${WECOM_KEY}" in (directory / "config.yaml").read_text("utf-8")
    (failure,) = OutboxStanding.read(directory).failures
    assert "93000: no such key:" in failure.detail
    assert "***" in failure.detail

    # A secret that is written out is refused before anything is written.
    config.write_text(config.read_text("utf-8").replace("${WECOM_KEY}", CANARIES["URL"]), "utf-8")
    refused = subprocess.run(
        [sys.executable, "-m", "lineside", "config", "check", str(config)],
        cwd=tmp_path, env=variables, capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    assert refused.returncode == 2
    assert b"a secret must not stand in the file" in refused.stdout
    assert leaks(refused.stdout + refused.stderr) == []

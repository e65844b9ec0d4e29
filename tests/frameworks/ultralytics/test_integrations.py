"""Ultralytics' own integrations go on working beside ours, and show what our callbacks log."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.repository import ROOT
from tests.frameworks.offline_trackers import comet_metric, scalars, wandb_history
from tests.frameworks.ultralytics.platform_server import PlatformServer


@pytest.fixture(scope="module")
def integrated(drawn, narrow, tmp_path_factory):
    """One training with all of them; returns its place and the server it reported to."""
    place = tmp_path_factory.mktemp("integrated")
    with PlatformServer() as server:
        theirs = {"WANDB_MODE": "offline", "COMET_START_ONLINE": "0", "COMET_OFFLINE_DIRECTORY": str(place / "comet")}
        platform = {"ULTRALYTICS_API_KEY": "ul_" + "0" * 40, "ULTRALYTICS_PLATFORM_URL": server.address}
        environment = {**os.environ, **theirs, **platform, "YOLO_CONFIG_DIR": str(place), "WANDB_SILENT": "true"}
        environment.pop("PYTEST_CURRENT_TEST", None)
        command = [sys.executable, "-m", "tests.frameworks.ultralytics.integrated", str(drawn), narrow, str(place)]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
    assert ended.returncode == 0, ended.stderr
    return place, server, ended.stdout


def test_the_settings_of_the_machine_stay_as_they_were(integrated):
    assert "all 2 epochs are done settings unchanged" in integrated[2]


def test_tensorboard(integrated):
    board = integrated[0] / "theirs" / "squares"
    assert scalars(board, "squares") == [(1, 7.0), (2, 8.0)]
    assert len(scalars(board, "val/box_loss")) >= 2


def test_wandb_offline(integrated):
    (file,) = integrated[0].rglob("run-*.wandb")
    assert wandb_history(file, "squares") == [7.0, 8.0]


def test_comet_offline(integrated):
    (archive,) = (integrated[0] / "comet").glob("*.zip")
    assert comet_metric(archive, "squares") == [7.0, 8.0]


def test_the_platform(integrated):
    server = integrated[1]
    assert len(server.events("training_started")) == 1
    assert [one["metrics"].get("squares") for one in server.events("epoch_end")][:2] == [7.0, 8.0]
    assert len(server.events("training_complete")) == 1
    assert len(server.uploaded) == 1

"""Where a run was made: software, machine, command line, state of the code. Never a secret."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

_PACKAGES: Final = (
    "accelerate",
    "comet-ml",
    "datasets",
    "jax",
    "keras",
    "lightning",
    "mlflow",
    "mlflow-skinny",
    "numpy",
    "nvidia-ml-py",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "pillow",
    "pytorch-ignite",
    "pytorch-lightning",
    "ray",
    "safetensors",
    "scikit-learn",
    "scipy",
    "skorch",
    "tensorboard",
    "tensorflow",
    "timm",
    "torch",
    "torchaudio",
    "torchmetrics",
    "torchvision",
    "transformers",
    "ultralytics",
    "ultralytics-opencv-headless",
    "wandb",
)
"""What decides, beside the code, how a training turns out."""
_SECRET: Final = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_GIT_SECONDS: Final = 2.0


def environment() -> dict[str, Any]:
    """Return what is known of software and machine as plain data.

    Versions come from installed metadata: nothing is imported. Environment variables are not recorded; on the command
    line the values of options that are named like a secret, and the credentials in addresses, are replaced by ``***``.
    """
    return {
        "lineside": _version("lineside"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "cpu_count": os.cpu_count(),
        "hostname": socket.gethostname(),
        "argv": without_secrets(sys.argv),
        "cwd": _working_directory(),
    }


def git_state(path: Path) -> dict[str, Any] | None:
    """Return commit, branch, remote and whether tracked files are changed, as plain data; None outside of a repository.

    What git does not tell within two seconds (a huge tree on a slow disk) is None. Credentials in the remote's address
    are left out.
    """
    deadline = time.monotonic() + _GIT_SECONDS
    if _git(path, deadline, "rev-parse", "--git-dir") is None:
        return None
    remote = _git(path, deadline, "remote", "get-url", "origin")
    changes = _git(path, deadline, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _git(path, deadline, "rev-parse", "--verify", "--quiet", "HEAD"),
        "branch": _git(path, deadline, "symbolic-ref", "--short", "--quiet", "HEAD"),
        "remote": None if remote is None else _without_credentials(remote),
        "dirty": None if changes is None else bool(changes),
    }


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return a command line with ``***`` for the values of options named like a secret, and for credentials."""
    cleaned: list[str] = []
    hide_next = False
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        if hide_next and not argument.startswith("-"):
            cleaned.append("***")
        elif equals and _SECRET.search(option):
            cleaned.append(f"{option}=***")
        else:
            cleaned.append(_ADDRESS.sub(lambda found: _without_credentials(found[0]), argument))
        hide_next = argument.startswith("-") and not equals and _SECRET.search(argument) is not None
    return cleaned


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _working_directory() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # removed while we stand in it
        return None


def _git(path: Path, deadline: float, *arguments: str) -> str | None:
    # Nothing is asked of anybody, no lock is taken, and no monitor is left running.
    command = ["git", "-C", str(path), "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            check=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=max(0.0, deadline - time.monotonic()),
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _without_credentials(address: str) -> str:
    """Return an address without user, password, query and fragment; what is no address stays as it is."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "***"
    if not parts.netloc:
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

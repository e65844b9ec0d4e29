"""Trainings in processes of their own, which may die.

Importing TensorFlow takes longer than all that these trainings do, so one process imports it, once, and each script
runs in a fork of that. Nothing has been computed in it by then, so a fork is as good as new. Its end is that of a
program: hooks for uncaught errors, and what was registered with `atexit`, are called.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import keras

ROOT = Path(__file__).parents[3]
_SERVER = """
import importlib, json, os, sys

def serve():
    for name in ("keras", *sys.argv[1:]):
        importlib.import_module(name)
    for line in sys.stdin:
        script, arguments, out, err = json.loads(line)
        child = os.fork()
        if not child:
            for descriptor, path in ((0, os.devnull), (1, out), (2, err)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
            sys.argv = ["-c", *arguments]
            return script
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return ""

exec(compile(serve(), "script", "exec"))
"""


def environment():
    """Return what a process needs to know to train on the backend of this one."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": keras.backend.backend()}


@functools.cache
def _server():
    modules = ["lineside.testing", "tests.frameworks.keras.line"]
    if keras.backend.backend() in ("tensorflow", "jax", "torch"):
        modules.append(keras.backend.backend())
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, *modules],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.kill)
    return server


def run(script, folder, *more):
    """Run a script whose arguments are `folder` and `more`, on the backend of this process."""
    server, out, err = _server(), folder / "stdout.txt", folder / "stderr.txt"
    for file in (out, err):
        file.write_text("")
    server.stdin.write(json.dumps([textwrap.dedent(script), [str(folder), *more], str(out), str(err)]) + "\n")
    server.stdin.flush()
    return SimpleNamespace(returncode=int(server.stdout.readline()), stdout=out.read_text(), stderr=err.read_text())


def run_anew(script, folder, *more):
    """Run a script in a process that has imported nothing before."""
    arguments = [sys.executable, "-c", textwrap.dedent(script), str(folder), *more]
    return subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)

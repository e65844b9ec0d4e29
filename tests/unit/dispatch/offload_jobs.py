"""Functions that the tests of the helper process let it call."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def describe(path: str) -> None:
    session = os.getsid(0) == os.getpid()
    append(path, f"{os.getpid()} {session} {os.nice(0)} {'torch' in sys.modules} {sys.stdin.read()!r}")


def wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


def hang(path: str) -> None:
    append(path, str(os.getpid()))
    while True:
        time.sleep(1)


def fail(text: str) -> None:
    raise ValueError(text)


def leave() -> None:
    sys.exit("left")


def die(code: int) -> None:
    sys.stdout.write("last words\n")
    sys.stdout.flush()
    os._exit(code)


def draw(text: str) -> bytes:
    return text.encode()


def talk(text: str) -> str:
    for stream in (sys.stdout, sys.stderr):
        print(text, file=stream, flush=True)
    return f"note: {text}"

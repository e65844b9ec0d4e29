"""The random generators of a process: Python's, NumPy's, PyTorch's on the CPU and on accelerators.

NumPy counts as soon as it has been imported; generators that users make themselves (`numpy.random.default_rng`,
`random.Random`, `torch.Generator`) are theirs.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from lineside.errors import MissingDependency

log = logging.getLogger("lineside")


def derive(seed: int, *words: str | int) -> int:
    """Return a seed of 63 bits that depends on another one and on words; the same in every process and version."""
    digest = hashlib.blake2b(repr((seed, *words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # torch takes signed seeds


def seed_host_generators(seed: int) -> None:
    """Seed the generators that live on the CPU; takes about ten microseconds, so it may be done per sample."""
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    # Not torch.manual_seed: where CUDA is not yet initialised it keeps a stack trace for each call.
    torch.default_generator.manual_seed(seed)


def seed_all(seed: int) -> None:
    """Seed all generators of this process, those of accelerators that are used later included."""
    seed_host_generators(seed % 2**63)
    torch.manual_seed(seed % 2**63)


@dataclass(frozen=True, slots=True)
class GeneratorStates:
    """The states of all generators at one moment."""

    python: tuple[Any, ...]
    numpy: dict[str, Any] | None
    torch: Tensor
    devices: Mapping[str, Sequence[Tensor]]
    """States per device, of accelerators that are in use: ``cuda``, ``mps``."""

    @classmethod
    def capture(cls) -> GeneratorStates:
        """Read the states; draws nothing."""
        numpy = sys.modules.get("numpy")
        devices: dict[str, Sequence[Tensor]] = {}
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            devices["cuda"] = torch.cuda.get_rng_state_all()
        if torch.backends.mps.is_available():
            devices["mps"] = [torch.mps.get_rng_state()]
        state = None if numpy is None else numpy.random.get_state(legacy=False)
        return cls(random.getstate(), state, torch.default_generator.get_state(), devices)

    def restore(self) -> None:
        """Put the states back.

        Raises:
            MissingDependency: there is a state of NumPy's generator, and NumPy is not installed.
        """
        random.setstate(self.python)
        if self.numpy is not None:
            try:
                import numpy as np
            except ImportError:
                raise MissingDependency("Restoring the random generators", "NumPy", "torch") from None
            np.random.set_state(self.numpy)  # noqa: NPY002 - the one that np.random.rand draws from
        torch.default_generator.set_state(self.torch)
        for kind, states in self.devices.items():
            _restore_device(kind, states)

    def plain(self) -> dict[str, Any]:
        """Return the states as data that JSON holds."""
        version, words, gauss = self.python
        return {
            "python": [version, list(words), gauss],
            "numpy": None if self.numpy is None else _listed(self.numpy),
            "torch": _text(self.torch),
            "devices": {kind: [_text(state) for state in states] for kind, states in self.devices.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> GeneratorStates:
        """Take what `plain` returned, also through JSON."""
        version, words, gauss = plain["python"]
        devices = {kind: [_tensor(text) for text in texts] for kind, texts in plain["devices"].items()}
        return cls((version, tuple(words), gauss), plain["numpy"], _tensor(plain["torch"]), devices)


def _restore_device(kind: str, states: Sequence[Tensor]) -> None:
    if kind == "cuda" and torch.cuda.is_available():
        here = torch.cuda.device_count()
        if here < len(states):
            log.warning(
                "The checkpoint was made with %d GPUs, here are %d: it does not go on bit for bit.", len(states), here
            )
        torch.cuda.set_rng_state_all(states[:here])
    elif kind == "mps" and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states[0])
    else:
        log.warning("The checkpoint was made on %s, which is not here: the run does not go on bit for bit.", kind)


def _text(state: Tensor) -> str:
    return base64.b64encode(bytes(state.tolist())).decode("ascii")


def _tensor(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)


def _listed(state: Any) -> Any:
    """NumPy's state with its arrays as lists, which it takes back as they are."""
    if isinstance(state, dict):
        return {name: _listed(value) for name, value in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state


class Stream:
    """Random numbers of its own for a piece of code: whatever generators it uses, those outside do not notice.

    While it is entered, all generators of the process stand where this stream was left last; afterwards they are as
    before. Entering and leaving costs some hundred microseconds.

    Args:
        seed: where the stream begins.
        own: generators of the code itself, which are part of the stream, each with the seed that its maker gave it.
    """

    def __init__(self, seed: int, own: Sequence[tuple[torch.Generator, int]] = ()) -> None:
        self._seed = seed
        self._own = [generator for generator, _ in own]
        self._own_seeds = [derive(seed, "own", index, first) for index, (_, first) in enumerate(own)]
        self._outside: tuple[GeneratorStates, list[Tensor]] | None = None
        self._inside: tuple[GeneratorStates, list[Tensor]] | None = None

    def _capture(self) -> tuple[GeneratorStates, list[Tensor]]:
        return GeneratorStates.capture(), [generator.get_state() for generator in self._own]

    def _restore(self, states: tuple[GeneratorStates, list[Tensor]]) -> None:
        states[0].restore()
        for generator, state in zip(self._own, states[1], strict=True):
            generator.set_state(state)

    def _begin(self) -> None:
        seed_host_generators(self._seed)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(self._seed)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(self._seed)
        for generator, seed in zip(self._own, self._own_seeds, strict=True):
            generator.manual_seed(seed)

    def __enter__(self) -> Self:
        self._outside = self._capture()
        if self._inside is None:
            self._begin()
        else:
            self._restore(self._inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = self._capture()
        if self._outside is not None:
            self._restore(self._outside)


@contextmanager
def seeded(seed: int, *words: str | int) -> Iterator[None]:
    """Seed all generators for a while, by a seed and by words that say what for; afterwards they are as before."""
    with Stream(derive(seed, *words)):
        yield

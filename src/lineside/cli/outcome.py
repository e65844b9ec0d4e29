"""What a training of the demo came to, as one process tells it to another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lineside.errors import CheckpointNotFound

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lineside.fit_result import FitResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        steps: optimizer steps that were made.
        weights: digest of the weights that the model has at the end, buffers included.
        trained: digest of the weights after the last optimizer step, before the best ones were put back.
        best_weights: digest of the weights in the best checkpoint.
        history: values per epoch, by metric.
        tested: number of digits that were kept for the end.
        right: number of them that were read rightly.
        best: name of the best checkpoint.
        costs: what each callback cost, as a table.
    """

    steps: int
    weights: str
    trained: str
    best_weights: str
    history: Mapping[str, list[float]]
    tested: int
    right: int
    best: str
    costs: str

    @classmethod
    def of(cls, result: FitResult, model: nn.Module, *, tested: int, right: int) -> Self:
        """Take the digests of a training that is over, and what else is told of it.

        Raises:
            CheckpointNotFound: it left no checkpoint, or none that is the best.
        """
        from safetensors.torch import load_file

        if result.best is None or result.last is None:
            raise CheckpointNotFound(f"{result.run} has no best checkpoint. Its records say why: {result.reason}.")
        return cls(
            steps=result.last.step,
            weights=digest(model.state_dict()),
            trained=digest(load_file(result.last.file("model.safetensors"))),
            best_weights=digest(load_file(result.best.file("model.safetensors"))),
            history=result.history,
            tested=tested,
            right=right,
            best=result.best.name,
            costs=result.summary,
        )

    @property
    def restored(self) -> bool:
        """Whether the model has the best weights at the end."""
        return self.weights == self.best_weights

    def write(self, path: Path) -> None:
        """Write it as JSON; floats come back as they were, bit for bit."""
        path.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what `write` wrote."""
        return cls(**json.loads(path.read_text("utf-8")))


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors as the bytes of a safetensors file, in which their order is always the same."""
    from safetensors.torch import save

    return hashlib.sha256(save(dict(tensors))).hexdigest()

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the demo trains with PyTorch")

from lineside.cli.outcome import Outcome, digest  # noqa: E402 - behind the skip
from lineside.errors import CheckpointNotFound  # noqa: E402
from lineside.fit_result import FitResult  # noqa: E402

OUTCOME = Outcome(
    steps=3,
    weights="a",
    trained="b",
    best_weights="a",
    history={"val/loss": [0.1 + 0.2, 1e-300, math.inf]},
    tested=300,
    right=299,
    best="epoch0001-step00000002-abcd",
    costs="callback  lane",
)


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    OUTCOME.write(tmp_path / "outcome.json")
    assert Outcome.read(tmp_path / "outcome.json") == OUTCOME


def test_the_best_weights_are_back_when_their_digest_is_that_of_the_model() -> None:
    assert OUTCOME.restored
    assert not replace(OUTCOME, weights="b").restored


def test_a_digest_depends_on_values_and_names_and_not_on_the_order() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3])
    same = digest({"a": a, "b": b})
    assert same == digest({"b": b.clone(), "a": a.clone()})
    assert same != digest({"a": b, "b": a})
    assert same != digest({"a": torch.nextafter(a, torch.tensor(9.0)), "b": b})


def test_a_training_without_a_best_checkpoint_has_no_outcome(tmp_path: Path) -> None:
    result = FitResult(history={}, best=None, last=None, reason="the loss is nan", run=tmp_path, summary="")
    with pytest.raises(CheckpointNotFound, match="the loss is nan"):
        Outcome.of(result, torch.nn.Linear(1, 1), tested=1, right=0)

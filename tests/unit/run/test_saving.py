from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineside.run.saving import STATE, OneDocument
from tests.unit.run.deaths import interrupted
from tests.unit.run.toys import MakeRun, Trace, ask, status, train


class Saved:
    """A checkpoint of two documents and a file."""

    def __init__(self, *, has_state: bool = True) -> None:
        self.has_state = has_state

    def document(self, name: str) -> Any:
        return {"host": {"schedulers": [1]}} if name == STATE else f"document {name}"

    def file(self, name: str) -> Path:
        return Path(name)

    def has(self, name: str) -> bool:
        return name in ("model.safetensors", "foreign.json", *([STATE] if self.has_state else []))


def test_a_host_finds_its_documents_in_that_of_the_run() -> None:
    saved = OneDocument(Saved())
    assert saved.document("schedulers") == [1]
    assert saved.has("schedulers")
    assert saved.document("foreign.json") == "document foreign.json"
    assert saved.has("model.safetensors")
    assert not saved.has("optimizer.safetensors")
    assert saved.file("model.safetensors") == Path("model.safetensors")


def test_a_checkpoint_of_weights_alone_has_no_documents() -> None:
    saved = OneDocument(Saved(has_state=False))
    assert not saved.has("schedulers")


def test_tensors_that_the_host_cannot_save_cost_the_state_of_their_callback_alone(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    class Tensors(Trace):
        def state_tensors(self) -> dict[str, Any]:
            return {"mean": [0.5]}

    run = interrupted(make_run, Tensors(name="tensors"), Trace(name="good"))
    assert status(run) == "interrupted"
    assert set(run.checkpoints.last.document(STATE)["callbacks"]) == {"good"}
    assert "The tensors of callback tensors cannot be saved" in caplog.text


def test_a_failing_state_costs_itself_alone_unless_it_is_to_be_raised(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    class Bad(Trace):
        def state_dict(self) -> dict[str, Any]:
            raise ValueError("no state")

    run = interrupted(make_run, Bad(name="bad"), Trace(name="good"))
    assert set(run.checkpoints.last.document(STATE)["callbacks"]) == {"good"}
    assert "The state of callback bad could not be taken" in caplog.text
    saves = ask("saves", "on_batch_end", lambda run: run.save())
    with pytest.raises(ValueError, match="no state"), make_run(Bad(on_error="raise"), saves) as run:
        train(run)
    assert status(run) == "failed"


def test_what_has_no_state_is_not_in_the_checkpoint(make_run: MakeRun) -> None:
    run = interrupted(make_run)
    assert run.checkpoints.last.document(STATE)["callbacks"] == {}

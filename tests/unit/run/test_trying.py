from __future__ import annotations

import pytest

from lineside.callbacks.batch_size_finder import BatchSizeFinder
from lineside.errors import AttachError, RequestRefused, RunStateError
from tests.unit.run.toys import Made, MakeRun, train


def test_a_loop_of_ones_own_refuses_by_declaration(make_run: MakeRun) -> None:
    with (
        pytest.raises(AttachError, match="needs trials, which the host 'loop' does not have"),
        make_run(BatchSizeFinder()),
    ):
        pass


def test_a_loop_over_a_model_says_who_can_try(make_run: MakeRun) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(1, 1)
    with pytest.raises(AttachError, match="only the Trainer can try one"), make_run(BatchSizeFinder(), model=model):
        pass
    with make_run(model=model) as run, pytest.raises(RequestRefused, match="only the Trainer"), run.trials():
        pass


@pytest.mark.parametrize("hook", ["on_batch_start", "on_val_start"])
def test_in_a_batch_or_an_evaluation_nothing_is_tried(make_run: MakeRun, hook: str) -> None:
    def ask(run) -> None:
        with run.trials():
            raise AssertionError

    with (
        pytest.raises(RunStateError, match="between batches"),
        make_run(Made("asks", on_error="raise", **{hook: ask})) as run,
    ):
        train(run, epochs=1)

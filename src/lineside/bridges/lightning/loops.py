"""Lightning's counters in a checkpoint."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

_EPOCHS = "epoch_progress"


def resume_loops(fit_loop: Any, state: dict[str, Any]) -> None:
    """Put the counters of a training back. An epoch that was under way begins anew.

    Lightning itself goes on behind as many batches as were over, but with a loader that begins at its first one: some
    batches would be trained twice, and others never.

    Args:
        fit_loop: of the trainer, before the training.
        state: what its `state_dict` gave.
    """
    done = state[_EPOCHS]["total"]["processed"]
    if state[_EPOCHS]["total"]["started"] == done:
        fit_loop.load_state_dict(state)
        return
    rewound = deepcopy(state)
    for counts in (rewound[_EPOCHS]["total"], rewound[_EPOCHS]["current"]):
        counts["ready"] = counts["started"] = counts["completed"] = counts["processed"]
    fit_loop.load_state_dict(rewound)
    fit_loop.restarting = False

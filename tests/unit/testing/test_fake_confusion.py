from __future__ import annotations

from typing import Any

import pytest

from lineside.testing import FakeModel


@pytest.mark.parametrize(
    ("outputs", "targets", "options"),
    [
        ([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.6, 0.4]], [0, 1, 2], {}),
        ([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.6, 0.4]], [0, -100, 7], {}),
        ([0, 1, 1], [0, 0, 1], {"classes": 2}),
        ([-2.0, 0.5, 3.0], [0, 0, 1], {"threshold": 0.0}),
    ],
)
def test_it_counts_as_the_real_one(outputs: Any, targets: list[int], options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    from lineside.backends.torch.confusion import confusion

    fake, real = None, None
    for _ in range(2):
        fake = FakeModel({}).confusion(outputs, targets, fake, **options)
        real = confusion(torch.tensor(outputs), torch.tensor(targets), real, **options)
    assert fake == real.tolist()

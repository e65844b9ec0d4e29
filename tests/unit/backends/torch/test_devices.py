from __future__ import annotations

import pytest
import torch

from lineside.backends.torch.devices import best_device
from lineside.errors import OptionError


def test_the_best_is_cuda_then_mps_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert best_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=f"device='{name}' is not to be had here"):
        best_device(name)

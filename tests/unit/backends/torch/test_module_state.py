from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from tests.unit.backends.torch.saved import SavedFolder
from tests.unit.backends.torch.training import host


class Remembering(nn.Module):
    """Has a buffer that its state dict leaves out, one that grows, and a state that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("seen", torch.zeros(2), persistent=False)
        self.register_buffer("cache", torch.zeros(1), persistent=False)
        self.words: dict[str, Any] = {}

    def get_extra_state(self) -> dict[str, Any]:
        return self.words

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.words = state


def test_what_modules_keep_beside_their_weights_comes_back(tmp_path: Path) -> None:
    model, fresh = nn.Sequential(Remembering()), nn.Sequential(Remembering())
    model[0].seen += 3
    model[0].cache = torch.arange(5.0)
    model[0].words = {"scale": torch.tensor(2.0), "names": ("a", None)}
    saved = SavedFolder(tmp_path, host(model, None).capture())
    assert list(load_file(saved.file("model.safetensors"))) == ["0.weight"]  # what load_state_dict would take
    host(fresh, None).restore(saved)
    assert torch.equal(fresh[0].seen, torch.tensor([3.0, 3.0]))
    assert torch.equal(fresh[0].cache, torch.arange(5.0))
    assert fresh[0].words == {"scale": torch.tensor(2.0), "names": ("a", None)}

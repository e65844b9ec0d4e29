from __future__ import annotations

from pathlib import Path

import torch

from lineside.backends.torch.document import joined, packed, unpacked
from tests.unit.backends.torch.saved import SavedFolder


def test_a_file_stands_beside_the_document_only_where_there_are_tensors() -> None:
    assert packed("extras", {"a": [1, (2,)]}).files == {}
    assert set(packed("extras", {"a": torch.ones(1)}).files) == {"extras.safetensors"}


def test_a_state_comes_back_as_it_was_when_it_was_packed(tmp_path: Path) -> None:
    tensor = torch.ones(2)
    state = packed("one", {"a": {1: [tensor, tensor]}})
    tensor.zero_()
    saved = SavedFolder(tmp_path, joined(state, packed("two", {"b": None})))
    back = unpacked("one", saved)
    assert torch.equal(back["a"][1][0], torch.ones(2))
    assert back["a"][1][0] is back["a"][1][1]
    assert unpacked("two", saved) == {"b": None}


def test_what_is_unpacked_is_no_window_on_the_file(tmp_path: Path) -> None:
    saved = SavedFolder(tmp_path, packed("one", torch.ones(2)))
    back = unpacked("one", saved)
    saved.file("one.safetensors").write_bytes(b"")
    assert torch.equal(back, torch.ones(2))

"""torch alone does not bring NumPy, and nothing here needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]

SCRIPT = """
import sys, json, warnings
sys.modules["numpy"] = None  # as if it were not installed
warnings.filterwarnings("ignore", "Failed to initialize NumPy")
from pathlib import Path
import torch
from torch.utils.data import DataLoader
from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.tensors import from_bytes, to_bytes
from lineside.errors import MissingDependency
from lineside.ports import Capabilities
from tests.unit.backends.torch.saved import SavedFolder


class Noisy(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index + torch.rand(())


def make(seed):
    torch.manual_seed(seed)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, TorchHost("loop", Capabilities(frozenset(), frozenset()), model, optimizer)


model, host = make(0)
host.seed(0)
saved = SavedFolder(Path(sys.argv[1]), host.capture(), host.generators())
expected = torch.rand(3)
fresh, other = make(1)
other.restore(saved)
other.restore_generators(saved)
assert torch.equal(torch.rand(3), expected)
assert torch.equal(fresh.weight, model.weight)
host.weight_file(".pt")(Path(sys.argv[1]) / "w.pt")
loader = DataLoader(Noisy(), 2, shuffle=True, num_workers=1)
whole = [batch.tolist() for batch in host.source(loader, 0, "train").batches(0)]
assert [batch.tolist() for batch in host.source(loader, 0, "train").batches(0, 2)] == whole[2:]
assert from_bytes(to_bytes({"a": expected}))["a"].equal(expected)
assert host.read([torch.tensor(0.5)]) == [0.5]
assert all(float(norm) >= 0 for norm in host.model.norms("gradients").values())
try:
    host.model.values(expected)
except MissingDependency as error:
    print(error)
"""


@pytest.mark.slow
def test_everything_but_arrays_works_without_numpy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "Reading the values of a tensor needs NumPy, which is not installed. Run: pip install 'lineside[torch]'"
    )

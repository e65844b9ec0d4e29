from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lineside.backends.torch import export
from lineside.backends.torch.export import export_model
from lineside.errors import MissingDependency, OptionError


class Two(nn.Module):
    """Takes two inputs, of which one has a single sample."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + offset


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 2))
    module(torch.randn(16, 3))  # statistics that are not those of a new layer
    return module.eval()


def run_onnx(path: Path, *inputs: torch.Tensor) -> torch.Tensor:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    (output,) = session.run(None, {name: one.numpy() for name, one in zip(names, inputs, strict=True)})
    return torch.from_numpy(output)


@pytest.fixture
def onnx() -> None:
    pytest.importorskip("onnxscript")


def test_a_program_takes_batches_of_any_size(model: nn.Module, tmp_path: Path) -> None:
    path = export_model(model, torch.randn(4, 3), tmp_path / "deep" / "model.pt2")
    inputs = torch.randn(7, 3)
    torch.testing.assert_close(torch.export.load(path).module()(inputs), model(inputs))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("onnx")
def test_an_onnx_file_gives_what_the_model_gives_for_batches_of_any_size(model: nn.Module, tmp_path: Path) -> None:
    path = export_model(model, torch.randn(4, 3), tmp_path / "model.onnx")
    for size in (1, 4, 7):
        inputs = torch.randn(size, 3)
        torch.testing.assert_close(run_onnx(path, inputs), model(inputs).detach(), rtol=1e-4, atol=1e-5)
    assert list(tmp_path.iterdir()) == [path], "the weights lie in the one file"


@pytest.mark.usefixtures("onnx")
def test_weights_that_are_too_large_for_one_file_lie_beside_it(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ONNX_LIMIT", 0)
    path = export_model(model, torch.randn(4, 3), tmp_path / "model.onnx")
    assert {file.name for file in tmp_path.iterdir()} == {"model.onnx", "model.onnx.data"}
    inputs = torch.randn(2, 3)
    torch.testing.assert_close(run_onnx(path, inputs), model(inputs).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_several_inputs_are_a_tuple_and_a_single_sample_stays_single(tmp_path: Path, suffix: str) -> None:
    model, offset = Two().eval(), torch.ones(1, 2)
    path = export_model(model, (torch.randn(4, 3), offset), tmp_path / f"two{suffix}")
    inputs = torch.randn(5, 3)
    call = torch.export.load(path).module() if suffix == ".pt2" else lambda *given: run_onnx(path, *given)
    torch.testing.assert_close(call(inputs, offset).detach(), model(inputs, offset).detach())


def test_an_export_that_fails_leaves_what_was_there(model: nn.Module, tmp_path: Path) -> None:
    class Branches(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    path = export_model(model, torch.randn(4, 3), tmp_path / "model.pt2")
    before = path.read_bytes()
    with pytest.raises(Exception, match="data-dependent"):
        export_model(Branches(), torch.randn(4, 3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("library", ["onnx", "onnxscript"])
def test_a_missing_library_is_named_with_the_line_that_installs_it(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[onnx\]'"):
        export_model(model, torch.randn(4, 3), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.onx", "Did you mean '.onnx'"), ("model.h5", r"\.pt2 or \.onnx"), ("model", r"\.pt2 or \.onnx")],
)
def test_another_format_is_refused_with_those_that_there_are(
    model: nn.Module, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        export_model(model, torch.randn(4, 3), tmp_path / name)


def test_several_modules_are_refused(model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="one module"):
        export_model({"a": model}, torch.randn(4, 3), tmp_path / "model.pt2")

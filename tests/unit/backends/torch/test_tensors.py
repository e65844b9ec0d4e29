from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lineside.backends.torch.tensors import copied, from_bytes, read_tensors, tensor_writer, to_bytes, weight_writer
from lineside.errors import CheckpointContentsError, CheckpointDamaged, OptionError


def bits(tensor: torch.Tensor) -> tuple[object, ...]:
    dense = tensor.resolve_conj().contiguous()
    raw = dense.reshape(-1).view(torch.uint8).tolist() if dense.numel() else []
    return tensor.dtype, tuple(tensor.shape), raw


KINDS = {
    "float32": torch.randn(3, 4),
    "float64 nan": torch.tensor([float("nan"), float("inf"), -0.0], dtype=torch.float64),
    "bfloat16": torch.randn(5).bfloat16(),
    "float16": torch.randn(5).half(),
    "float8": torch.randn(5).to(torch.float8_e4m3fn),
    "int64": torch.tensor([2**62, -1]),
    "uint16": torch.tensor([65535], dtype=torch.uint16),
    "bool": torch.tensor([True, False]),
    "complex conj": torch.randn(3, dtype=torch.complex64).conj(),
    "scalar": torch.tensor(7),
    "empty": torch.empty(0, 3),
    "transposed": torch.randn(3, 4).t(),
    "channels last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "slice": torch.arange(10)[2:9:3],
    "expanded": torch.ones(1).expand(4),
    "needs grad": torch.randn(2, requires_grad=True),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_tensor_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensor_writer({name: KINDS[name]})(path)
    back = read_tensors(path)[name]
    assert bits(back) == bits(KINDS[name].detach())
    assert bits(from_bytes(to_bytes({name: KINDS[name]}))[name]) == bits(back)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own address space")
def test_where_a_file_cannot_be_mapped_it_is_read_into_memory_that_was_freed(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensor_writer({"large": torch.arange(2.0**23)})(path)  # 32 MB
    code = f"""
import resource, torch
from pathlib import Path
from lineside.backends.torch.tensors import read_tensors

freed = torch.ones(2**25)
del freed
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**23,) * 2)
print(int(read_tensors(Path({str(path)!r}))["large"][-1]))
"""
    # With these the allocator of glibc keeps what is freed.
    keeps = {"MALLOC_MMAP_THRESHOLD_": str(2**29), "MALLOC_TRIM_THRESHOLD_": str(2**29), "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env={**keeps, "OMP_NUM_THREADS": "1"}
    )
    assert done.stdout == f"{2**23 - 1}\n", done.stderr


def test_views_of_one_storage_are_written_out(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    tensor_writer({"whole": whole, "again": whole, "part": whole[2:4]})(tmp_path / "t.safetensors")
    back = read_tensors(tmp_path / "t.safetensors")
    assert torch.equal(back["whole"], whole)
    assert torch.equal(back["again"], whole)
    assert torch.equal(back["part"], whole[2:4])


def test_what_was_read_can_be_changed_without_touching_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensor_writer({"a": torch.ones(3)})(path)
    read_tensors(path)["a"].zero_()
    assert torch.equal(read_tensors(path)["a"], torch.ones(3))


def test_the_file_has_the_mode_that_other_files_have(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    tensor_writer({"a": torch.ones(3)})(tmp_path / "t.safetensors")
    assert (tmp_path / "t.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain", "t.safetensors"]


@pytest.mark.parametrize(
    ("tensor", "word"),
    [
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.empty(2, device="meta"), "meta"),
        (torch.ones(2, dtype=torch.complex128), "complex128"),
    ],
)
def test_what_the_format_lacks_is_refused_before_anything_is_written(tensor: torch.Tensor, word: str) -> None:
    with pytest.raises(CheckpointContentsError, match=f"'layer.weight'.*{word}"):
        tensor_writer({"layer.weight": tensor})


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(CheckpointDamaged, match=r"model\.safetensors"):
        read_tensors(path)


def test_copies_do_not_follow_their_originals() -> None:
    tensor = torch.ones(2, requires_grad=True)
    copies = copied({"a": tensor})
    with torch.no_grad():
        tensor.zero_()
    assert torch.equal(copies["a"], torch.ones(2))
    assert not copies["a"].requires_grad


def test_a_weight_file_loads_by_itself(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 3)
    for suffix in (".safetensors", ".pt"):
        path = tmp_path / f"weights{suffix}"
        weight_writer(model.state_dict(), suffix)(path)
        loaded = load_file(path) if suffix == ".safetensors" else torch.load(path, weights_only=True)
        fresh = torch.nn.Linear(2, 3)
        fresh.load_state_dict(loaded)
        assert torch.equal(fresh.weight, model.weight)


def test_tied_weights_stay_tied_in_a_pt_file(tmp_path: Path) -> None:
    weight = torch.randn(1000)
    weight_writer({"a": weight, "b": weight}, ".pt")(tmp_path / "w.pt")
    loaded = torch.load(tmp_path / "w.pt", weights_only=True)
    assert loaded["a"].data_ptr() == loaded["b"].data_ptr()
    assert torch.equal(loaded["a"], weight)


@pytest.mark.parametrize("suffix", [".h5", ".keras", "", ".ptx"])
def test_another_suffix_is_refused_with_those_that_work(suffix: str) -> None:
    with pytest.raises(OptionError, match=r"\.safetensors or \.pt"):
        weight_writer({}, suffix)


def write_with_a_full_disk(folder: str, suffix: str, told: multiprocessing.connection.Connection) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        weight_writer({"a": torch.randn(10_000)}, suffix)(Path(folder) / f"w{suffix}")
    except OSError as error:
        told.send(error.errno)
    else:
        told.send("written")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_full_disk_is_the_error_that_the_system_gave(suffix: str, tmp_path: Path) -> None:
    # In a process of its own: the limit on file sizes cannot be lifted again.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=write_with_a_full_disk, args=(os.fspath(tmp_path), suffix, theirs))
    process.start()
    assert ours.poll(60)
    assert ours.recv() == errno.EFBIG
    process.join()

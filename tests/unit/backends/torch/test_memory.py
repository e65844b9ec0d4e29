from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest
import torch

from lineside.backends.torch.memory import is_out_of_memory, release


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.cuda.OutOfMemoryError("no words"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried …"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 3.32 MB)"),
        RuntimeError("could not create a primitive"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_out_of_memory_is_known_in_all_its_forms(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x3 and 4x2)"),
        ValueError("out of memory"),
        ValueError("Expected more than 1 value per channel when training"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_are_not_taken_for_it(error: BaseException) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own address space")
def test_the_allocator_of_the_cpu_says_so_when_the_memory_is_full() -> None:
    code = """
import resource, torch
from lineside.backends.torch.memory import is_out_of_memory
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28,) * 2)
try:
    torch.empty(2**30)
except Exception as error:
    print(type(error).__name__, is_out_of_memory(error))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["RuntimeError", "True"]


def test_what_hangs_in_a_cycle_is_given_back() -> None:
    class Node:
        pass

    gc.disable()
    try:
        node = Node()
        node.itself = node
        there = weakref.ref(node)
        del node
        release()
        assert there() is None
    finally:
        gc.enable()

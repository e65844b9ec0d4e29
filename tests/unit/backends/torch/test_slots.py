from __future__ import annotations

import torch
from torch import nn

from lineside.backends.torch.model import TorchModel


def test_wrappers_leave_no_trace_in_names() -> None:
    inner = nn.Sequential(nn.Linear(2, 2), torch.compile(nn.Linear(2, 2), backend="eager"))
    wrapped = torch.compile(nn.DataParallel(inner), backend="eager")
    assert list(TorchModel(wrapped).capture()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_distributed_data_parallel_leaves_no_trace_in_names() -> None:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
        assert list(TorchModel(wrapped).capture()) == ["weight", "bias"]
    finally:
        torch.distributed.destroy_process_group()


def test_a_module_that_is_called_module_keeps_its_name() -> None:
    model = nn.Module()
    model.module = nn.Linear(1, 1)
    assert list(TorchModel(model).capture()) == ["module.weight", "module.bias"]

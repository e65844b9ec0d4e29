from __future__ import annotations

import pytest
import torch
from torch import nn

from lineside.backends.torch.batch_norm import renewed, tracking
from lineside.errors import RequestRefused


@pytest.mark.parametrize(
    ("layer", "tracks"),
    [
        (nn.BatchNorm2d(2), True),
        (nn.SyncBatchNorm(2), True),
        (nn.BatchNorm1d(2, affine=False), True),
        (nn.BatchNorm1d(2, track_running_stats=False), False),
        (nn.LayerNorm(2), False),
        (nn.Linear(2, 2), False),
    ],
)
def test_who_keeps_running_statistics(layer: nn.Module, tracks: bool) -> None:
    assert tracking(layer) is tracks


def test_statistics_are_means_over_the_batches_as_torch_computes_them() -> None:
    batches = [torch.randn(8, 3, generator=torch.Generator().manual_seed(seed)) + seed for seed in range(4)]
    ours, theirs = (nn.Sequential(nn.BatchNorm1d(3, momentum=0.3)) for _ in range(2))
    ours(torch.randn(8, 3))  # is forgotten
    with renewed([ours[0]]):
        for batch in batches:
            ours(batch)
    torch.optim.swa_utils.update_bn(batches, theirs)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    assert ours[0].momentum == 0.3


def test_without_a_batch_the_statistics_stay() -> None:
    layer = nn.BatchNorm1d(3)
    layer(torch.randn(8, 3))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(RequestRefused, match="no batch"), renewed([layer]):
        pass
    assert all(torch.equal(layer.state_dict()[name], value) for name, value in before.items())


def test_after_an_error_the_statistics_and_the_momentum_are_as_before() -> None:
    layer = nn.BatchNorm1d(3)
    layer(torch.randn(8, 3))
    before = {name: value.clone() for name, value in layer.state_dict().items()}

    def fail() -> None:
        with renewed([layer]):
            layer(torch.randn(8, 3))
            raise KeyError("data")

    with pytest.raises(KeyError):
        fail()
    assert all(torch.equal(layer.state_dict()[name], value) for name, value in before.items())
    assert layer.momentum == 0.1


def test_nothing_within_leaves_a_graph_behind() -> None:
    layer = nn.BatchNorm1d(3)
    with renewed([layer]):
        assert not layer(torch.randn(8, 3)).requires_grad

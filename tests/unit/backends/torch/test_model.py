from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from lineside.backends.torch.model import TorchModel
from lineside.errors import OptionError, RunStateError, StateMismatch


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Embedding(5, 3)
        self.decoder = nn.Linear(3, 5, bias=False)
        self.decoder.weight = self.encoder.weight


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_has_the_frameworks_own_object() -> None:
    module = net()
    assert TorchModel(module).module is module


def test_names_are_those_of_the_state_dict() -> None:
    module = net()
    assert list(TorchModel(module).capture()) == list(module.state_dict())


def test_names_of_several_modules_begin_with_theirs() -> None:
    port = TorchModel({"generator": nn.Linear(1, 1), "critic": nn.Linear(1, 1)})
    names = ["generator.weight", "generator.bias", "critic.weight", "critic.bias"]
    assert [name for name, _ in port.parameters()] == names


@pytest.mark.parametrize("wrong", [{"a": nn.Linear(1, 1), "b": "text"}])
def test_what_is_no_module_is_refused(wrong: dict[str, nn.Module]) -> None:
    with pytest.raises(OptionError, match="not a str"):
        TorchModel(wrong)


def test_frozen_parameters_are_not_trainable_but_captured() -> None:
    module = net()
    module[0].weight.requires_grad_(False)
    port = TorchModel(module)
    assert "0.weight" not in dict(port.parameters())
    assert "0.weight" in port.capture()


def test_gradients_are_those_that_exist() -> None:
    module = net()
    port = TorchModel(module)
    assert list(port.gradients()) == []
    module[2](torch.ones(1, 4)).sum().backward()
    assert [name for name, _ in port.gradients()] == ["2.weight", "2.bias"]


def test_norms_are_those_of_each_tensor() -> None:
    module = net()
    module(torch.randn(4, 3)).sum().backward()
    port = TorchModel(module)
    norms = port.norms("gradients")
    for name, gradient in port.gradients():
        assert norms[name].shape == ()
        assert torch.allclose(norms[name], gradient.norm())
    assert port.norms("parameters").keys() == dict(port.parameters()).keys()


def test_norms_of_other_kinds_of_tensors() -> None:
    half, empty, double = nn.Parameter(torch.full((100,), 300.0).half()), nn.Parameter(torch.empty(0)), nn.Linear(2, 2)
    embedding = nn.Embedding(10, 2, sparse=True)
    embedding(torch.tensor([1, 1, 3])).sum().backward()
    model = nn.ParameterDict({"halves": half, "none": empty})
    port = TorchModel({"a": model, "b": double.double(), "c": embedding})
    norms = port.norms("parameters")
    assert float(norms["a.halves"]) == 3000.0  # above what float16 can square
    assert float(norms["a.none"]) == 0.0
    assert norms["b.weight"].dtype is torch.float64
    # Row 1 was used twice: its gradients add up before they are squared.
    assert float(port.norms("gradients")["c.weight"]) == pytest.approx((2 * 4 + 2 * 1) ** 0.5)


def test_values_are_flat_and_double() -> None:
    np = pytest.importorskip("numpy")
    values = TorchModel(net()).values(torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True).bfloat16())
    assert (values.dtype, values.tolist()) == (np.float64, [1.0, 2.0, 3.0, 4.0])
    sparse = torch.sparse_coo_tensor([[1, 1]], [1.0, 2.0], (3,), check_invariants=True)
    assert TorchModel(net()).values(sparse).tolist() == [0.0, 3.0, 0.0]


def test_a_capture_does_not_follow_the_model_and_loads_in_place() -> None:
    module = net()
    port = TorchModel(module)
    captured, pointer = port.capture(), module[0].weight.data_ptr()
    before = {name: tensor.clone() for name, tensor in captured.items()}
    module(torch.randn(8, 3))  # batch norm counts
    with torch.no_grad():
        module[0].weight.add_(1)
    assert equal(captured, before)
    assert not equal(port.capture(), before)
    port.load(captured)
    assert equal(port.capture(), before)
    assert module[0].weight.data_ptr() == pointer


def test_tied_weights_are_captured_once_and_stay_tied() -> None:
    module = Tied()
    port = TorchModel(module)
    captured = port.capture()
    assert list(captured) == ["encoder.weight"]
    assert port.aliases() == {"decoder.weight": "encoder.weight"}
    assert [name for name, _ in port.parameters()] == ["encoder.weight"]
    port.load({"decoder.weight": captured["encoder.weight"] + 1})
    assert module.encoder.weight is module.decoder.weight
    assert torch.equal(module.encoder.weight, captured["encoder.weight"] + 1)


def test_weights_that_share_storage_are_tied_even_as_two_parameters() -> None:
    module = Tied()
    module.decoder.weight = nn.Parameter(module.encoder.weight.detach())
    assert module.decoder.weight is not module.encoder.weight
    assert TorchModel(module).aliases() == {"decoder.weight": "encoder.weight"}


def test_weights_that_do_not_fit_are_named_and_nothing_is_changed() -> None:
    module = net()
    port = TorchModel(module)
    before = port.capture()
    wrong = {**port.capture(), "0.weight": torch.zeros(4, 4), "3.weight": torch.zeros(1)}
    del wrong["2.bias"]
    with pytest.raises(StateMismatch) as caught:
        port.load(wrong)
    text = str(caught.value)
    assert "issing: 2.bias" in text
    assert "not in the model: 3.weight" in text
    assert "0.weight (float32 of shape (4, 4) given, float32 of shape (4, 3) in the model)" in text
    assert equal(port.capture(), before)


def test_another_dtype_fits_unless_bits_are_asked_for() -> None:
    port = TorchModel(net())
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in port.capture().items()}
    port.check(half)
    with pytest.raises(StateMismatch, match="float16"):
        port.check(half, dtypes=True)


def test_a_lazy_module_takes_the_shape_that_it_is_given() -> None:
    made, fresh = nn.LazyLinear(2), nn.LazyLinear(2)
    made(torch.ones(1, 3))
    TorchModel(fresh).load(TorchModel(made).capture())
    assert torch.equal(fresh(torch.ones(1, 3)), made(torch.ones(1, 3)))


def test_swapped_weights_are_taken_back_also_after_an_error() -> None:
    module = net()
    port = TorchModel(module)
    before = port.capture()
    other = {"0.weight": torch.zeros(4, 3)}

    def fail_inside() -> None:
        with port.swapped(other):
            assert torch.equal(module[0].weight, torch.zeros(4, 3))
            assert torch.equal(module[2].weight, before["2.weight"])
            module.train()(torch.randn(4, 3))  # batch norm counts, and is put back too
            assert equal(port.raw(), before)
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        fail_inside()
    assert equal(port.capture(), before)
    assert equal(port.raw(), before)


def test_a_part_of_the_weights_can_be_loaded_if_that_is_meant() -> None:
    module = net()
    port = TorchModel(module)
    before = port.capture()
    with pytest.raises(StateMismatch, match="issing"):
        port.load({"0.weight": torch.zeros(4, 3)})
    port.load({"0.weight": torch.zeros(4, 3)}, partial=True)
    assert torch.equal(module[0].weight, torch.zeros(4, 3))
    assert torch.equal(module[2].weight, before["2.weight"])


def test_swapping_refuses_what_does_not_fit_and_a_second_swap() -> None:
    module = net()
    port = TorchModel(module)
    before = port.capture()
    with pytest.raises(StateMismatch, match="Not in the model: ema"), port.swapped({"ema": torch.zeros(1)}):
        pass
    with port.swapped(before):
        with pytest.raises(RunStateError), port.swapped(before):
            pass
        with pytest.raises(RunStateError):
            port.load(before)
    assert equal(port.raw(), before)

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim import SGD, Adam, Optimizer, lr_scheduler

from lineside.backends.torch.host import TorchHost
from lineside.errors import OptionError, RequestRefused, StateMismatch
from lineside.ports import Host
from tests.unit.backends.torch.saved import SavedFolder
from tests.unit.backends.torch.training import Training, bits, host, net


def cosine(optimizer: Optimizer) -> lr_scheduler.CosineAnnealingLR:
    return lr_scheduler.CosineAnnealingLR(optimizer, 10)


def test_a_rate_that_was_set_holds_after_a_resume(tmp_path: Path) -> None:
    whole = Training(make_scheduler=cosine)
    whole.train(0, 2)
    whole.host.set_lr(0.02, None)
    saved = whole.save(tmp_path)
    whole.train(2, 4)
    resumed = Training(make_scheduler=cosine, seed=77)
    resumed.restore(saved)
    assert resumed.host.lr() == {"0": 0.02}
    resumed.train(2, 4)
    assert resumed.everything() == whole.everything()
    assert resumed.host.lr() == whole.host.lr()


def test_what_callbacks_schedule_holds_after_a_resume(tmp_path: Path) -> None:
    whole = Training(make_scheduler=cosine)
    whole.host.schedule_lr(0.3, None)
    whole.host.set_lr(0.03, None)
    whole.train(0, 2)
    saved = whole.save(tmp_path)
    whole.train(2, 4)
    resumed = Training(make_scheduler=cosine, seed=77)
    resumed.restore(saved)
    assert (resumed.host.lr(), resumed.host.scheduled_lr()) == ({"0": 0.03}, {"0": 0.3})
    resumed.train(2, 4)
    assert resumed.everything() == whole.everything()


def test_a_scheduler_that_is_added_is_saved_behind_the_others(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        training = Training(make_scheduler=cosine)
        added = lr_scheduler.ExponentialLR(SGD([nn.Parameter(torch.zeros(1))], 1.0), 0.5)
        training.host.add_scheduler(added)
        assert training.host.schedulers == ("CosineAnnealingLR", "ExponentialLR")
        made.append((training, added))
    (whole, added), (resumed, again) = made
    added.optimizer.step()
    added.step()
    resumed.restore(whole.save(tmp_path))
    assert again.state_dict() == added.state_dict()
    with pytest.raises(OptionError, match="scheduler= got a int, which lacks state_dict"):
        whole.host.add_scheduler(3)  # type: ignore[arg-type]


def test_in_a_rehearsal_schedulers_stand_still_and_afterwards_rates_are_the_optimizers_own() -> None:
    training = Training(make_scheduler=cosine)
    training.train(0, 1)
    before = training.host.lr()
    with training.host.rehearsal():
        training.train(1, 3)
        assert training.host.lr() == before
    training.train(1, 1)
    assert training.host.lr() != before
    training.host.scale_lr(0.5, "warm-up")
    training.host.unwatch()
    assert training.host.lr() == training.host.scheduled_lr() == {"0": training.optimizer.param_groups[0]["lr"]}
    assert dict(training.host.optimizers) == {"": training.optimizer}


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.decoder.weight = self.encoder.weight


class Untied(Tied):
    def __init__(self) -> None:
        super().__init__()
        self.decoder.weight = nn.Parameter(torch.zeros(5, 3))


def test_tied_weights_are_stored_once_and_come_back_tied(tmp_path: Path) -> None:
    model = Tied()
    saved = SavedFolder(tmp_path, host(model, SGD(model.parameters(), 0.1)).capture())
    assert list(load_file(saved.file("model.safetensors"))) == ["encoder.weight"]
    fresh = Tied()
    host(fresh, SGD(fresh.parameters(), 0.1)).restore(saved)
    assert fresh.decoder.weight is fresh.encoder.weight
    assert torch.equal(fresh.decoder.weight, model.encoder.weight)


def test_weights_that_are_no_longer_tied_are_refused_unless_weights_are_all_that_is_wanted(tmp_path: Path) -> None:
    model, fresh = Tied(), Untied()
    saved = SavedFolder(tmp_path, host(model, SGD(model.parameters(), 0.1)).capture())
    other = host(fresh, SGD(fresh.parameters(), 0.1))
    with pytest.raises(StateMismatch, match=r"Tied weights: .*decoder\.weight.* none in this model"):
        other.restore(saved)
    other.restore(saved, weights_only=True)
    assert torch.equal(fresh.decoder.weight, model.encoder.weight)


def test_weights_only_leaves_everything_else_alone(tmp_path: Path) -> None:
    whole = Training(make_scheduler=cosine)
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    other = Training(make_scheduler=cosine, seed=77)
    other.train(0, 1)
    before = other.everything()
    other.host.restore(saved, weights_only=True)
    after = other.everything()
    weights = {name for name in before if name.startswith("model.")}
    assert {name: after[name] for name in weights} == {name: whole.everything()[name] for name in weights}
    assert {name: after[name] for name in before.keys() - weights} == {
        name: before[name] for name in before.keys() - weights
    }


def test_a_checkpoint_holds_the_raw_weights_while_others_are_swapped_in(tmp_path: Path) -> None:
    training = Training()
    before = training.everything()
    zeros = {name: torch.zeros_like(tensor) for name, tensor in training.host.model.capture().items()}
    with training.host.model.swapped(zeros):
        saved = training.save(tmp_path / "checkpoint")
        training.host.weight_file(".safetensors")(tmp_path / "alone.safetensors")
    resumed = Training(seed=77)
    resumed.restore(saved)
    assert resumed.everything() == before
    assert bits(load_file(tmp_path / "alone.safetensors")) == bits(dict(sorted(training.model.state_dict().items())))


def test_what_is_captured_does_not_change_while_the_training_goes_on(tmp_path: Path) -> None:
    training = Training(Adam)
    training.train(0, 2)
    expected, captured = training.everything(), (training.host.capture(), training.host.generators())
    training.train(2, 2)
    resumed = Training(Adam, seed=77)
    resumed.restore(SavedFolder(tmp_path, *captured))
    assert resumed.everything() == expected


def test_a_stand_alone_file_holds_all_names_of_tied_weights(tmp_path: Path) -> None:
    model = Tied()
    for suffix in (".safetensors", ".pt"):
        path = tmp_path / f"w{suffix}"
        host(model, None).weight_file(suffix)(path)
        fresh = Tied()
        fresh.load_state_dict(load_file(path) if suffix == ".safetensors" else torch.load(path, weights_only=True))
        assert torch.equal(fresh.encoder.weight, model.encoder.weight)
    with pytest.raises(OptionError, match=r"\.safetensors or \.pt"):
        host(model, None).weight_file(".h5")


def mismatches() -> dict[str, tuple[Callable[[], TorchHost], str]]:
    def with_groups(*groups: tuple[int, ...]) -> TorchHost:
        model = net()
        parameters = list(model.parameters())
        return host(model, SGD([{"params": [parameters[i] for i in group]} for group in groups], 0.1, momentum=0.9))

    def with_model(model: nn.Module) -> TorchHost:
        return host(model, SGD(model.parameters(), 0.1, momentum=0.9))

    def with_parts(**parts: Any) -> TorchHost:
        model = net()
        return host(model, SGD(model.parameters(), 0.1, momentum=0.9), **parts)

    def with_scheduler() -> TorchHost:
        model = net()
        optimizer = SGD(model.parameters(), 0.1)
        return host(model, optimizer, schedulers=[lr_scheduler.StepLR(optimizer, 1)])

    def with_optimizer(make: Callable[[Any], Any]) -> TorchHost:
        model = net()
        return host(model, make(model.parameters()))

    larger = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 1))
    return {
        "shapes": (lambda: with_model(larger), r"0\.weight \(float32 of shape \(4, 3\) given"),
        "names": (lambda: with_model(nn.Linear(3, 4)), r"issing: weight, bias"),
        "dtype": (lambda: with_model(net().double()), r"float32 of shape \(4, 3\) given, float64"),
        "groups": (lambda: with_groups((0, 1), (2, 3, 4, 5)), "has 2 parameter groups.* made with 1"),
        "too few": (lambda: with_groups((0, 1, 2, 3)), "has 4 parameters, the checkpoint was made with 6"),
        "order": (lambda: with_groups((1, 0, 2, 3, 4, 5)), r"parameter 0 is 0\.bias.* made with 0\.weight"),
        "optimizer": (lambda: with_optimizer(partial(Adam, lr=0.1)), "optimizer SGD; this run has Adam"),
        "optimizers": (lambda: with_optimizer(lambda p: {"a": SGD(p, 0.1)}), "a single optimizer; .* optimizers a"),
        "none": (lambda: with_optimizer(lambda _: None), "a single optimizer; this run has no optimizer"),
        "scheduler": (with_scheduler, "no scheduler; this run has scheduler StepLR"),
        "scaler": (lambda: with_parts(scaler=torch.amp.GradScaler("cpu")), "without a gradient scaler; .* with one"),
    }


@pytest.mark.parametrize("name", mismatches())
def test_what_does_not_fit_is_named_and_nothing_is_changed(name: str, tmp_path: Path) -> None:
    training = Training()
    training.train(0, 2)
    saved = training.save(tmp_path)
    make, text = mismatches()[name]
    other = make()
    before = SavedFolder(tmp_path / "before", other.capture())
    with pytest.raises(StateMismatch, match=text):
        other.restore(saved)
    after = SavedFolder(tmp_path / "after", other.capture())
    for file in sorted((tmp_path / "before").iterdir()):
        assert after.file(file.name).read_bytes() == before.file(file.name).read_bytes()


def test_a_checkpoint_of_weights_alone_cannot_be_resumed_from(tmp_path: Path) -> None:
    training = Training()
    state = training.host.capture()
    for name in ("optimizer.json", "rates.json"):
        state.documents.pop(name)  # type: ignore[attr-defined]
    with pytest.raises(StateMismatch, match="holds weights alone"):
        training.host.restore(SavedFolder(tmp_path, state))


def test_steps_are_told_and_no_longer_after_unwatch() -> None:
    told: list[str] = []
    for announces in (False, True):
        model = net()
        optimizer = SGD(model.parameters(), 0.1)
        one = host(model, optimizer, announces_gradients=announces)
        one.watch(lambda *_: told.append("gradients"), lambda *_: told.append("stepped"))
        optimizer.step()
        one.unwatch()
        optimizer.step()
    assert told == ["stepped", "gradients", "stepped"]


def test_validation_is_run_or_refused_with_the_reason() -> None:
    ran: list[int] = []
    host(net(), None, validate=lambda: ran.append(1)).validate()
    assert ran == [1]
    with pytest.raises(RequestRefused, match="there is no val_loader"):
        host(net(), None).validate()


def test_tensors_of_callbacks_are_copied_and_come_back(tmp_path: Path) -> None:
    one, tensor = host(net(), None), torch.ones(3)
    write = one.tensor_file({"ema": tensor})
    tensor.zero_()
    write(tmp_path / "t.safetensors")
    assert torch.equal(one.read_tensors(tmp_path / "t.safetensors")["ema"], torch.ones(3))


def test_it_is_a_host_and_its_documents_are_strict_json() -> None:
    one: Host = Training(make_scheduler=lr_scheduler.ReduceLROnPlateau).host
    for state in (one.capture(), one.generators()):
        for document in state.documents.values():
            json.dumps(document, allow_nan=False)
    one.seed(3)
    first = torch.rand(3)
    one.seed(3)
    assert torch.equal(torch.rand(3), first)
    assert one.batch_size((torch.zeros(4, 2), 1)) == 4
    assert one.freeze(torch.tensor(2.0)) == 2.0
    assert one.read([torch.tensor(2.0), 1.0]) == [2.0, 1.0]
    assert list(one.source([1, 2], 0, "val").batches(0)) == [1, 2]

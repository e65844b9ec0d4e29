from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Adafactor, Adam, AdamW, Optimizer, RMSprop, lr_scheduler
from torch.optim.swa_utils import AveragedModel

from lineside.backends.torch.host import TorchHost
from lineside.errors import CheckpointContentsError, OptionError, RequestRefused, StateMismatch
from lineside.ports import Capabilities, Host
from tests.unit.backends.torch.saved import SavedFolder

CAPABILITIES = Capabilities(frozenset(), frozenset(), {"validate": "there is no val_loader"})


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1))


def host(model: Any, optimizers: Any, **parts: Any) -> TorchHost:
    return TorchHost("loop", CAPABILITIES, model, optimizers, **parts)


class Training:
    """A small training, whose every part is made anew as a resumed process would make it."""

    def __init__(
        self,
        make_optimizer: Callable[[Any], Optimizer] = partial(SGD, lr=0.1, momentum=0.9),
        make_scheduler: Callable[[Optimizer], Any] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.model = net().to(dtype)
        self.optimizer = make_optimizer(self.model.parameters())
        self.scheduler = make_scheduler(self.optimizer) if make_scheduler else None
        self.host = host(self.model, self.optimizer, schedulers=[self.scheduler] if self.scheduler else ())
        self.dtype = dtype

    def train(self, first: int, steps: int) -> None:
        for step in range(first, first + steps):
            data = torch.Generator().manual_seed(step)
            x = torch.randn(8, 3, generator=data).to(self.dtype)
            y = x.sum(1, keepdim=True)

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                self.optimizer.zero_grad()
                loss = nn.functional.mse_loss(self.model(x), y)
                loss.backward()
                return loss

            loss = self.optimizer.step(closure)
            if isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
                self.scheduler.step(loss.detach())
            elif self.scheduler is not None:
                self.scheduler.step()

    def save(self, folder: Path) -> SavedFolder:
        return SavedFolder(folder, self.host.capture(), self.host.generators())

    def restore(self, saved: SavedFolder) -> None:
        self.host.restore(saved)
        self.host.restore_generators(saved)

    def everything(self) -> dict[str, Any]:
        """All numbers of the training, as their bits."""
        found: dict[str, Any] = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, parameter in enumerate(self.model.parameters()):
            found.update({f"{index}.{key}": value for key, value in self.optimizer.state.get(parameter, {}).items()})
        found["groups"] = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        found["scheduler"] = self.scheduler.state_dict() if self.scheduler else None
        return {name: bits(value) for name, value in found.items()}


def bits(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.stride(), value.detach().double().flatten().tolist()
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items() if not callable(item)}
    return [bits(item) for item in value] if isinstance(value, (list, tuple)) else value


OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": partial(SGD, lr=0.1, momentum=0.9, nesterov=True),
    "SGD without momentum": partial(SGD, lr=0.1),
    "Adam": partial(Adam, lr=0.01, amsgrad=True),
    "AdamW": partial(AdamW, lr=0.01, betas=(0.8, 0.95)),
    "AdamW, tensor rate": lambda parameters: AdamW(parameters, lr=torch.tensor(0.01)),
    "AdamW, fused": partial(AdamW, lr=0.01, fused=True),
    "RMSprop": partial(RMSprop, lr=0.01, centered=True),
    "Adafactor": partial(Adafactor, lr=0.01),
    "LBFGS": partial(LBFGS, lr=0.5, max_iter=3, history_size=4),
    "LBFGS, line search": partial(LBFGS, max_iter=3, line_search_fn="strong_wolfe"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_training_ends_bit_for_bit_where_an_uninterrupted_one_ends(name: str, tmp_path: Path) -> None:
    whole = Training(OPTIMIZERS[name])
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    whole.train(4, 4)
    resumed = Training(OPTIMIZERS[name], seed=77)
    resumed.restore(saved)
    resumed.train(4, 4)
    assert resumed.everything() == whole.everything()


SCHEDULERS: dict[str, Callable[[Optimizer], Any]] = {
    "StepLR": lambda one: lr_scheduler.StepLR(one, 3, 0.5),
    "MultiStepLR": lambda one: lr_scheduler.MultiStepLR(one, [2, 5, 5], 0.5),
    "CosineAnnealingLR": lambda one: lr_scheduler.CosineAnnealingLR(one, 10),
    "CosineAnnealingWarmRestarts": lambda one: lr_scheduler.CosineAnnealingWarmRestarts(one, 3),
    "OneCycleLR": lambda one: lr_scheduler.OneCycleLR(one, 0.3, total_steps=20),
    "CyclicLR": lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.2, step_size_up=3),
    "LambdaLR": lambda one: lr_scheduler.LambdaLR(one, lambda epoch: 0.9**epoch),
    "SequentialLR": lambda one: lr_scheduler.SequentialLR(
        one, [lr_scheduler.LinearLR(one, 0.1, total_iters=3), lr_scheduler.ExponentialLR(one, 0.9)], [3]
    ),
    "ReduceLROnPlateau": lambda one: lr_scheduler.ReduceLROnPlateau(one, patience=1, threshold=1.0),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    whole = Training(make_scheduler=SCHEDULERS[name])
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    whole.train(4, 4)
    resumed = Training(make_scheduler=SCHEDULERS[name], seed=77)
    resumed.restore(saved)
    resumed.train(4, 4)
    assert resumed.everything() == whole.everything()


def test_a_rate_that_was_set_holds_after_a_resume(tmp_path: Path) -> None:
    whole = Training(make_scheduler=SCHEDULERS["CosineAnnealingLR"])
    whole.train(0, 2)
    whole.host.set_lr(0.02, None)
    saved = whole.save(tmp_path)
    whole.train(2, 4)
    resumed = Training(make_scheduler=SCHEDULERS["CosineAnnealingLR"], seed=77)
    resumed.restore(saved)
    assert resumed.host.lr() == {"0": 0.02}
    resumed.train(2, 4)
    assert resumed.everything() == whole.everything()
    assert resumed.host.lr() == whole.host.lr()


def test_state_keeps_a_dtype_that_is_not_the_parameters(tmp_path: Path) -> None:
    """torch's own load_state_dict casts it to that of the parameter."""
    training = Training(partial(SGD, lr=0.1, momentum=0.9), dtype=torch.bfloat16)
    training.train(0, 2)
    for state in training.optimizer.state.values():
        state["momentum_buffer"] = state["momentum_buffer"].float() + 1e-4
        state["history"] = [state["momentum_buffer"].double()]
    resumed = Training(partial(SGD, lr=0.1, momentum=0.9), dtype=torch.bfloat16, seed=77)
    resumed.restore(training.save(tmp_path))
    assert resumed.everything() == training.everything()


def test_state_keeps_the_strides_of_its_parameter(tmp_path: Path) -> None:
    def make(seed: int) -> tuple[nn.Module, Adam, TorchHost]:
        torch.manual_seed(seed)
        model = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        optimizer = Adam(model.parameters())
        return model, optimizer, host(model, optimizer)

    model, optimizer, one = make(0)
    model(torch.randn(1, 2, 5, 5)).sum().backward()
    optimizer.step()
    fresh, again, other = make(1)
    other.restore(SavedFolder(tmp_path, one.capture()))
    state = again.state[fresh.weight]["exp_avg"]
    assert state.stride() == optimizer.state[model.weight]["exp_avg"].stride() == fresh.weight.stride()
    assert torch.equal(state, optimizer.state[model.weight]["exp_avg"])


def test_a_tensor_rate_stays_the_tensor_that_graphs_and_schedulers_know(tmp_path: Path) -> None:
    rate = torch.tensor(0.5)
    saved = Training(OPTIMIZERS["AdamW, tensor rate"]).save(tmp_path)
    resumed = Training(lambda parameters: AdamW(parameters, lr=rate))
    resumed.restore(saved)
    assert resumed.optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == torch.tensor(0.01).item()


def gan(seed: int) -> tuple[dict[str, nn.Module], dict[str, Optimizer], TorchHost]:
    torch.manual_seed(seed)
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    optimizers = {name: Adam(model.parameters(), lr=0.1) for name, model in models.items()}
    for name, model in models.items():
        model(torch.randn(4, 2)).sum().backward()
        optimizers[name].step()
    return models, optimizers, host(models, optimizers)


def test_several_models_and_optimizers(tmp_path: Path) -> None:
    models, optimizers, one = gan(0)
    saved = SavedFolder(tmp_path, one.capture())
    assert "generator.weight" in load_file(saved.file("model.safetensors"))
    assert "critic.state.0.exp_avg" in load_file(saved.file("optimizer.safetensors"))
    others, again, other = gan(1)
    other.restore(saved)
    for name, model in models.items():
        assert bits(others[name].state_dict()) == bits(model.state_dict())
        assert bits(again[name].state_dict()) == bits(optimizers[name].state_dict())
    assert other.lr() == {"generator.0": 0.1, "critic.0": 0.1}


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
    whole = Training(make_scheduler=SCHEDULERS["StepLR"])
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    other = Training(make_scheduler=SCHEDULERS["StepLR"], seed=77)
    other.train(0, 1)
    before = other.everything()
    other.host.restore(saved, weights_only=True)
    after = other.everything()
    weights = {name for name in before if name.startswith("model.")}
    assert {name: after[name] for name in weights} == {name: whole.everything()[name] for name in weights}
    assert {name: after[name] for name in before.keys() - weights} == {
        name: before[name] for name in before.keys() - weights
    }


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
    training = Training(OPTIMIZERS["Adam"])
    training.train(0, 2)
    expected, captured = training.everything(), (training.host.capture(), training.host.generators())
    training.train(2, 2)
    resumed = Training(OPTIMIZERS["Adam"], seed=77)
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
    with pytest.raises(StateMismatch, match="weights_only=True"):
        training.host.restore(SavedFolder(tmp_path, state))


def test_the_gradient_scaler_goes_on_where_it_was(tmp_path: Path) -> None:
    def make() -> tuple[torch.amp.GradScaler, TorchHost]:
        model = net()
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=3)
        return scaler, host(model, SGD(model.parameters(), 0.1), scaler=scaler)

    def use(scaler: torch.amp.GradScaler, times: int) -> list[float]:
        parameter = nn.Parameter(torch.ones(1))
        optimizer = SGD([parameter], 0.1)
        scales = []
        for _ in range(times):
            scaler.scale(parameter.sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            scales.append(scaler.get_scale())
        return scales

    scaler, one = make()
    use(scaler, 5)
    saved = SavedFolder(tmp_path, one.capture())
    expected = use(scaler, 5)
    fresh, other = make()
    other.restore(saved)
    assert use(fresh, 5) == expected
    assert 256.0 in expected  # it grew: at other steps without its state


def test_extras_come_back_and_new_ones_keep_their_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = net()
    averaged = AveragedModel(model)
    averaged.update_parameters(model)
    saved = SavedFolder(tmp_path, host(model, None, extras={"ema": averaged, "old": averaged}).capture())
    fresh, new = AveragedModel(net()), AveragedModel(net())
    before = bits(new.state_dict())
    host(net(), None, extras={"ema": fresh, "new": new}).restore(saved)
    assert bits(fresh.state_dict()) == bits(averaged.state_dict())
    assert bits(new.state_dict()) == before
    assert "Restored extras; new here: ['new']; left in the checkpoint: ['old']" in caplog.text


def test_parts_without_a_state_are_refused() -> None:
    with pytest.raises(OptionError, match=r"extras\['ema'\].*object"):
        host(net(), None, extras={"ema": object()})
    with pytest.raises(OptionError, match=r"scheduler=.*function"):
        host(net(), None, schedulers=[net])
    with pytest.raises(OptionError, match="not a str"):
        host(net(), "adam")


def test_a_state_that_is_no_data_is_refused_with_its_path() -> None:
    class Odd:
        def state_dict(self) -> dict[str, Any]:
            return {"calls": [print]}

        def load_state_dict(self, state: Any) -> None: ...

    with pytest.raises(CheckpointContentsError, match=r"the state\['odd'\]\['calls'\]\[0\] is a builtins"):
        host(net(), None, extras={"odd": Odd()}).capture()


def test_steps_are_told_and_no_longer_after_unwatch() -> None:
    told: list[str] = []
    for announces in (False, True):
        model = net()
        optimizer = SGD(model.parameters(), 0.1)
        one = host(model, optimizer, announces_gradients=announces)
        one.watch(lambda: told.append("gradients"), lambda: told.append("stepped"))
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
    one: Host = Training(make_scheduler=SCHEDULERS["ReduceLROnPlateau"]).host
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

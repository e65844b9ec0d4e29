"""The host of everything that trains in PyTorch by itself: the native trainer and hand-written loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lineside.backends.torch import generators, module_state, optimizer_state, scalars
from lineside.backends.torch.batches import batch_size
from lineside.backends.torch.companions import Companions, Stateful
from lineside.backends.torch.document import joined, packed, unpacked
from lineside.backends.torch.loader import ResumableLoader
from lineside.backends.torch.optimizers import Optimizers, named
from lineside.backends.torch.rates import TorchRates
from lineside.backends.torch.standing import standing
from lineside.backends.torch.tensors import check_weight_suffix, copied, read_tensors, tensor_writer, weight_writer
from lineside.backends.torch.trained_model import TrainedTorchModel
from lineside.errors import RequestRefused, StateMismatch
from lineside.ports import Capabilities, HostState, SavedState, Stage, TensorWriter
from lineside.trials import Trials

_GENERATORS = "rank-0/generators.json"


class TorchHost:
    """Model, optimizers and what goes with them, as the engine that callbacks live in.

    Args:
        name: ``trainer`` or ``loop``.
        capabilities: what the engine emits and can do.
        model: a module, or modules by name.
        optimizers: one, a list, or by name.
        schedulers: of the learning rate.
        scaler: the gradient scaler of mixed precision.
        extras: further objects with `state_dict` and `load_state_dict`, by name.
        metrics: metric objects whose accumulation is saved, by name.
        validate: runs a validation.
        forward: runs the training data through the model once, and learns nothing from it.
        trials: tries training steps.
        announces_gradients: tell at the optimizer's step that gradients are ready, for loops that do not say so.
        announces_steps: tell that an optimizer stepped, for loops that do not say so.

    Raises:
        OptionError: one of them is not what it should be.
    """

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        model: nn.Module | Mapping[str, nn.Module],
        optimizers: Optimizers,
        *,
        schedulers: Sequence[Stateful] = (),
        scaler: Stateful | None = None,
        extras: Mapping[str, Stateful] | None = None,
        metrics: Mapping[str, Any] | None = None,
        validate: Callable[[], None] | None = None,
        forward: Callable[[], None] | None = None,
        trials: Callable[[], AbstractContextManager[Trials]] | None = None,
        announces_gradients: bool = False,
        announces_steps: bool = True,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self._optimizers = named(optimizers)
        self.model = TrainedTorchModel(model, self._optimizers.values(), forward)
        self._rates = TorchRates(self._optimizers)
        # Asked for every batch by background callbacks: the method itself, without another around it.
        self.lr = self._rates.lr
        self._companions = Companions(schedulers, scaler, extras or {}, metrics or {})
        self._validate = validate
        self._trials = trials
        self._announces_gradients = announces_gradients
        self.announces_steps = announces_steps
        self._hooks: list[Any] = []

    def watch(self, gradients_ready: Callable[..., None] | None, stepped: Callable[..., None]) -> None:
        """Call back at each step of an optimizer that mixed precision does not skip."""
        for optimizer in self._optimizers.values():
            if self._announces_gradients and gradients_ready is not None:
                self._hooks.append(optimizer.register_step_pre_hook(gradients_ready))
            if self.announces_steps:
                self._hooks.append(optimizer.register_step_post_hook(stepped))

    def unwatch(self) -> None:
        """Take the hooks of `watch`, and what stands on top of their rates, out of the optimizers."""
        while self._hooks:
            self._hooks.pop().remove()
        self._rates.release()

    # ---- values --------------------------------------------------------------------------------------------------

    # These are called for every batch: the functions themselves, without a method around them.
    freeze = staticmethod(scalars.freeze)
    freeze_all = staticmethod(scalars.freeze_all)
    read = staticmethod(scalars.read)
    batch_size = staticmethod(batch_size)
    array = Tensor

    # ---- learning rates and requests -----------------------------------------------------------------------------

    def set_lr(self, value: float, group: str | int | None) -> None:
        """Scale the scheduled learning rate so that it is `value` now. Raises `RequestRefused`; see `TorchRates`."""
        self._rates.set(value, group)

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """The optimizers by name; a single one has the empty name."""
        return self._optimizers

    @property
    def schedulers(self) -> tuple[str, ...]:
        """Kinds of the schedulers that there are."""
        return tuple(type(one).__name__ for one in self._companions.schedulers)

    def add_scheduler(self, scheduler: Stateful) -> None:
        """Have a scheduler's state saved and resumed. Raises `OptionError` if it has none."""
        self._companions.add_scheduler(scheduler)

    def scheduled_lr(self) -> dict[str, float]:
        """Return the learning rate per parameter group by schedule, with nothing put on top."""
        return self._rates.scheduled()

    def schedule_lr(self, value: float, group: str | int | None) -> None:
        """Make the scheduled rate `value`. Raises `RequestRefused`; see `TorchRates`."""
        self._rates.schedule(value, group)

    def scale_lr(self, factor: float, by: str) -> None:
        """Multiply all rates in a callback's name. Raises `RequestRefused`; see `TorchRates`."""
        self._rates.scale(factor, by)

    def rehearsal(self) -> AbstractContextManager[None]:
        """Surround batches that will be undone: schedulers stand still."""
        return standing(self._companions.schedulers)

    def trials(self) -> AbstractContextManager[Trials]:
        """Try training steps. Raises `RequestRefused` where nobody said how one is made."""
        if self._trials is None:
            raise RequestRefused(self.capabilities.reasons.get("trials", f"This {self.name} cannot try a step."))
        return self._trials()

    def validate(self) -> None:
        """Run a validation. Raises `RequestRefused` if there is none to run."""
        if self._validate is None:
            raise RequestRefused(
                self.capabilities.reasons.get("validate", f"This {self.name} has no validation to run.")
            )
        self._validate()

    # ---- randomness and data -------------------------------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Seed all random generators of this process."""
        generators.seed_all(seed)

    def generators(self) -> HostState:
        """Return the states of the random generators of this process."""
        return HostState({}, {_GENERATORS: generators.GeneratorStates.capture().plain()})

    def restore_generators(self, saved: SavedState) -> None:
        """Put the random generators back, bit for bit."""
        generators.GeneratorStates.from_plain(saved.document(_GENERATORS)).restore()

    def source(self, loader: Any, seed: int, purpose: Stage) -> ResumableLoader:
        """Wrap a data loader. Raises `OptionError` for something that cannot be iterated."""
        return ResumableLoader(loader, seed, purpose)

    # ---- files ---------------------------------------------------------------------------------------------------

    def tensor_file(self, tensors: Mapping[str, Any]) -> TensorWriter:
        """Copy tensors and return a function that writes them."""
        return tensor_writer(copied(tensors))

    def read_tensors(self, path: Path) -> dict[str, Tensor]:
        """Read tensors onto the CPU. Raises `CheckpointDamaged`."""
        return copied(read_tensors(path))

    def check_weight_suffix(self, suffix: str) -> None:
        """Raise `OptionError` for a suffix that is neither ``.safetensors`` nor ``.pt``."""
        check_weight_suffix(suffix)

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Copy the raw weights and return a function that writes them as a stand-alone file.

        Args:
            suffix: ``.safetensors`` or ``.pt``.
            over: tensors that take the place of raw ones, in the dtype that the model has.

        Raises:
            OptionError: another suffix.
        """
        check_weight_suffix(suffix)
        raw = self.model.raw()
        raw |= {name: tensor.detach().to(raw[name].dtype, copy=True) for name, tensor in (over or {}).items()}
        return weight_writer(_under_all_names(raw, self.model.aliases()), suffix)

    # ---- checkpoints ---------------------------------------------------------------------------------------------

    def capture(self) -> HostState:
        """Copy everything that a resumed run needs, except the random generators.

        Raises:
            CheckpointContentsError: something has a state that is neither data nor tensor.
        """
        rates = self._rates.state_dict()
        document, tensors = optimizer_state.capture(self._optimizers, self._parameter_names())
        documents = {"model.json": {"aliases": self.model.aliases()}, "optimizer.json": document, "rates.json": rates}
        files = {"model.safetensors": tensor_writer(self.model.raw()), "optimizer.safetensors": tensor_writer(tensors)}
        modules = packed("modules", module_state.capture(self.model))
        return joined(HostState(files, documents), modules, self._companions.capture())

    def restore(self, saved: SavedState, weights_only: bool = False) -> None:
        """Put a checkpoint back; all of it is checked before anything is changed.

        Args:
            saved: the checkpoint.
            weights_only: only parameters and persistent buffers.

        Raises:
            StateMismatch: it does not fit.
        """
        if weights_only:
            self.model.load(_weights(saved))
            return
        companions = self._restore_trained(saved, keep_options=False)
        self._companions.restore(companions)
        self._rates.load_state_dict(saved.document("rates.json"))

    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Put back what belongs to the weights; see `lineside.ports.Host.go_back`. Raises as `restore` does."""
        companions = self._restore_trained(saved, keep_options=True)
        self._companions.go_back(companions, same_epoch=same_epoch)

    def _restore_trained(self, saved: SavedState, *, keep_options: bool) -> dict[str, Any]:
        """Check everything, then put model and optimizers back; return the states of what trains beside them."""
        if not saved.has("optimizer.json"):
            raise StateMismatch(
                "This checkpoint holds weights alone: load its model.safetensors, or go on from a whole one."
            )
        weights, aliases = _weights(saved), saved.document("model.json")["aliases"]
        self.model.check(weights, dtypes=True)
        if aliases != self.model.aliases():
            here = self.model.aliases()
            raise StateMismatch(f"Tied weights: {aliases or 'none'} in the checkpoint, {here or 'none'} in this model.")
        document, names = saved.document("optimizer.json"), self._parameter_names()
        optimizer_state.check(document, self._optimizers, names)
        companions, modules = self._companions.read(saved), unpacked("modules", saved)
        self.model.load(weights)
        module_state.restore(self.model, modules)
        tensors = read_tensors(saved.file("optimizer.safetensors"))
        optimizer_state.restore(document, tensors, self._optimizers, keep_options=keep_options)
        return companions

    def _parameter_names(self) -> dict[int, str]:
        return {id(slot.tensor): slot.name for slot in self.model.slots() if slot.role == "parameter"}


def _weights(saved: SavedState) -> dict[str, Tensor]:
    return _under_all_names(read_tensors(saved.file("model.safetensors")), saved.document("model.json")["aliases"])


def _under_all_names(weights: Mapping[str, Tensor], aliases: Mapping[str, str]) -> dict[str, Tensor]:
    return {**weights, **{alias: weights[name] for alias, name in aliases.items()}}

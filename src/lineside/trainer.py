"""The native PyTorch trainer: a loop that reads from top to bottom, on the same pieces as a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch

from lineside.backends.torch.batches import inputs_and_targets, to_device
from lineside.backends.torch.compiling import compiled
from lineside.backends.torch.devices import best_device
from lineside.backends.torch.engines import trainer_host
from lineside.backends.torch.export import export_model
from lineside.backends.torch.loader import ResumableLoader
from lineside.backends.torch.modes import evaluating, modules_of, set_training
from lineside.backends.torch.scoring import Scores
from lineside.backends.torch.stepping import Optimization, Precision
from lineside.backends.torch.trials import trials
from lineside.callback import Callback
from lineside.errors import OptionError, RequestRefused, RunStateError
from lineside.events import Event
from lineside.fit_result import FitResult
from lineside.registry import resolve
from lineside.run.run import Run
from lineside.run.unheard import unheard
from lineside.run.validate_every import ValidateEvery
from lineside.trials import Trials
from lineside.units import Duration

Step = Callable[[Any, Any, Run], Any]
SMOKE_EPOCHS = 2
SMOKE_BATCHES = 3


class Trainer:
    """Trains a PyTorch model, with callbacks beside the line.

    Args:
        model: a module, or a dict of modules if `step` is given.
        optimizer: an optimizer, or a dict of them.
        loss: called as ``loss(outputs, targets)``; not needed with `step`.
        metrics: by name: functions ``f(outputs, targets)`` that return a number per batch, or torchmetrics objects.
        callbacks: objects or registered names.
        step: ``step(model, batch, run)`` returns the loss, or a dict with ``loss`` and further values to be logged
            (``outputs`` and ``targets`` in it are for the metrics). If there is no loss in what it returns, it has done
            backward and optimizer steps itself, as GANs need it.
        scheduler: a learning-rate scheduler, stepped each epoch (OneCycleLR and CyclicLR each step), or a pair of it
            and ``"epoch"`` or ``"step"``.
        device: ``"auto"`` takes CUDA, then Apple's MPS, then the CPU.
        precision: ``"32"``, ``"bf16"``, or ``"fp16"`` with a gradient scaler.
        accumulate: batches per optimizer step.
        clip_norm: largest L2 norm of all gradients together; None for no clipping.
        compile: True to call the model through `torch.compile`, or arguments of it as a dict. Where nothing can be
            compiled a warning says so.
        seed: of the generators and of the order of batches; None leaves the generators alone.
        project: runs of one project lie in one directory.
        name: what the run is called.
        run_dir: where all projects lie.
        hparams: hyper-parameters, for the record and for sinks.

    Raises:
        OptionError: an option has a value that is not allowed.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        loss: Callable[[Any, Any], Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback | str] = (),
        *,
        step: Step | None = None,
        scheduler: Any = None,
        device: str = "auto",
        precision: Precision = "32",
        accumulate: int = 1,
        clip_norm: float | None = None,
        compile: bool | Mapping[str, Any] = False,  # noqa: A002 - named as torch.compile
        seed: int | None = 0,
        project: str = "default",
        name: str | None = None,
        run_dir: str | Path = "runs",
        hparams: Mapping[str, Any] | None = None,
    ) -> None:
        if (loss is None) == (step is None):
            raise OptionError("Give the Trainer either loss=, called as loss(outputs, targets), or step=.")
        for option, function in (("loss", loss), ("step", step)):
            if function is not None and not callable(function):
                raise OptionError(f"{option}={function!r} is no function: give one, such as F.cross_entropy for loss=.")
        if seed is not None and not isinstance(seed, int):
            raise OptionError(f"seed={seed!r} must be a whole number, or None to leave the generators alone.")
        resolve(callbacks)  # a name that nobody knows is refused here
        self.device = best_device(device)
        self._on_cpu = self.device.type == "cpu"
        self.model = model
        for module in modules_of(model):
            module.to(self.device)
        self._called = compiled(model, compile, self.device)
        self.callbacks: list[Callback | str] = list(callbacks)
        self._loss = loss
        self._step = step
        self._optimization = Optimization(
            model, optimizer, scheduler, self.device, precision=precision, accumulate=accumulate, clip_norm=clip_norm
        )
        # A step of one's own may step optimizers in its body, and fp16 may skip a step: then only a hook can tell.
        self._steps_announced = step is not None or precision == "fp16"
        self._scores = {stage: Scores(metrics or {}, self.device) for stage in ("train", "val", "test")}
        self._place: dict[str, Any] = {"project": project, "name": name, "run_dir": run_dir}
        self._seed = seed
        self._hparams = dict(hparams or {})
        self._run: Run | None = None
        self._directory: Path | None = None
        self._loaders: dict[str, Any] = {}

    def add_callback(self, callback: Callback | str) -> None:
        """Add a callback behind the others. Raises `RunStateError` while the trainer runs."""
        self._refuse_while_running("add_callback")
        resolve([callback])
        self.callbacks.append(callback)

    def remove_callback(self, callback: Callback | str) -> None:
        """Take a callback out. Raises `RunStateError` while the trainer runs, or if the callback is not there."""
        self._refuse_while_running("remove_callback")
        if callback not in self.callbacks:
            raise RunStateError(f"{callback!r} is not among the callbacks of this trainer: {self.callbacks}.")
        self.callbacks.remove(callback)

    def _refuse_while_running(self, method: str) -> None:
        if self._run is not None:
            raise RunStateError(f"{method}() is possible before a fit and after it; this trainer is running.")

    # ---- training ------------------------------------------------------------------------------------------------

    def fit(
        self,
        train_loader: Any,
        val_loader: Any = None,
        epochs: int | None = None,
        *,
        steps: int | None = None,
        validate_every: str | Duration = "1 epoch",
        resume: str | Path | None = None,
        start_from: str | Path | None = None,
        continue_stopped: bool = False,
        smoke: bool = False,
    ) -> FitResult:
        """Train, validate, and leave a run directory behind.

        Args:
            train_loader: a DataLoader, or any iterable of batches.
            val_loader: likewise; None for no validation.
            epochs: how many epochs; either this or `steps`, or both.
            steps: how many optimizer steps.
            validate_every: ``"1 epoch"``, or a duration of steps or time within the epochs.
            resume: None for a new run; ``"auto"`` goes on with the newest run of this project and name that was
                interrupted, failed or was killed; or the name of a run.
            start_from: a checkpoint from which a new run branches.
            continue_stopped: go on although the run was stopped.
            smoke: run two epochs of three batches of everything, to see that it works.

        Raises:
            OptionError: an option has a value that is not allowed.
            NothingToResume: `resume` names a run that cannot be resumed.
        """
        often = Duration.parse(validate_every, "validate_every")
        if val_loader is None and validate_every != "1 epoch":
            raise OptionError(f"validate_every={validate_every!r} needs validation data: give fit() a val_loader.")
        within = [ValidateEvery(often)] if often.unit != "epochs" and val_loader is not None else []
        self._loaders = {"train": train_loader, "val": val_loader}
        run = Run(
            host=self._host(),
            callbacks=[*self.callbacks, *within],
            resume=resume,
            start_from=start_from,
            continue_stopped=continue_stopped,
            seed=self._seed,
            hparams=self._hparams,
            # A name of its own, so that nobody resumes what was only a test.
            **self._place | ({"name": f"{self._place['name'] or 'run'}-smoke"} if smoke else {}),
        )
        run.has_validation = val_loader is not None
        if smoke:
            epochs, steps, run.batch_limit = SMOKE_EPOCHS, None, SMOKE_BATCHES
        self._refuse_while_running("fit")
        self._run = run
        try:
            with run:
                set_training(self.model)
                for epoch in run.epochs(epochs, steps=steps):
                    self._train_epoch(run, train_loader)
                    if run.called_off:
                        continue
                    if val_loader is not None and not within and (epoch + 1) % int(often.amount) == 0:
                        self._evaluate(run, "val", val_loader)
                    self._optimization.epoch_ended()
        finally:
            self._run = None
            self._directory = run.dir if run.opened else self._directory
        return FitResult(
            run.history, run.checkpoints.best, run.checkpoints.last, run.reason or "", run.dir, run.summary or ""
        )

    def _train_epoch(self, run: Run, loader: Any) -> None:
        optimization, scores, accumulate = self._optimization, self._scores["train"], self._optimization.accumulate
        gradients_ready = run.dispatcher.chain(Event.BACKWARD_END)
        # Where nothing but the optimizer steps, it is told to do so from here, without a function in between.
        alone, announced, scale = optimization.alone, self._steps_announced, optimization.scale
        # What functions of the user's return is looked at in their batch, so that a mistake is found where it is made.
        trusted = self._step is None and not scores.any
        for batch in run.batches(loader):
            loss, values = self._forward(run, batch)
            if loss is not None:
                run.raw_loss = loss
                (loss if scale is None else scale(loss)).backward()
                due = accumulate == 1 or (run.batch + 1) % accumulate == 0 or run.batch + 1 == run.total_batches
                if gradients_ready is not None:
                    if due:
                        optimization.unscale()
                    gradients_ready()
                optimization.pending = not due
                if due:
                    if alone is None:
                        optimization.step()
                    else:
                        alone.step()
                        alone.zero_grad()
                    # The end of the batch tells of it.
                    run.step_due, run.settle_due = run.step_due or not announced, True
                values["loss"] = loss.item() if self._on_cpu else loss.detach().clone()
            if trusted:
                run.given = values
            else:
                run.log(values)
        if optimization.pending:
            # A loader without a length: the last batches of the epoch have not filled a step.
            if gradients_ready is not None:
                optimization.unscale()
                gradients_ready()
            optimization.step()
            (run.step_attempted if announced else run.stepped)()
        run.log(scores.compute())

    def _forward(self, run: Run, batch: Any) -> tuple[Any, dict[str, Any]]:
        """Return the loss, if there is one, and what else is to be logged."""
        if not self._on_cpu:
            batch = to_device(batch, self.device)
        if self._optimization.mixed:
            with self._optimization.autocast():
                loss, values, targets = self._apply(run, batch)
        elif self._step is not None:
            loss, values, targets = self._apply(run, batch)
        else:
            # The same without a further call, since this is what most trainings do for every batch.
            inputs, targets = batch if type(batch) in (tuple, list) and len(batch) == 2 else inputs_and_targets(batch)
            run.outputs = outputs = self._called(inputs)
            loss, values = self._loss(outputs, targets), {}  # type: ignore[misc] # checked in __init__
        scores = self._scores[run.stage]
        if scores.any and run.outputs is not None:
            values.update(scores.update(run.outputs, targets))
        return loss, values

    def _apply(self, run: Run, batch: Any) -> tuple[Any, dict[str, Any], Any]:
        """Return what the model or the user's own step gives: loss, values, targets; the outputs go to the run."""
        if self._step is None:
            inputs, targets = inputs_and_targets(batch)
            run.outputs = outputs = self._called(inputs)
            return self._loss(outputs, targets), {}, targets  # type: ignore[misc] # checked in __init__
        returned = self._step(self._called, batch, run)
        values = dict(returned) if isinstance(returned, Mapping) else {} if returned is None else {"loss": returned}
        run.outputs = values.pop("outputs", None)
        return values.pop("loss", None), values, values.pop("targets", None)

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def validate(self, loader: Any) -> dict[str, float]:
        """Return the metrics of a validation, by canonical name."""
        return self._evaluated("val", loader)

    def test(self, loader: Any) -> dict[str, float]:
        """Return the metrics of a test, by canonical name."""
        return self._evaluated("test", loader)

    def predict(self, loader: Any) -> Any:
        """Return the model's outputs for all batches, on the CPU.

        Batches may be inputs alone, or pairs with targets. Tensors are joined along their first dimension; of anything
        else there is a list with one entry a batch.
        """
        outputs: list[Any] = []
        with self._evaluation_run() as run, run.evaluation("predict"), evaluating(self.model):
            for batch in run.batches(loader):
                inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
                with self._optimization.autocast():
                    run.outputs = self._called(to_device(inputs, self.device))
                outputs.append(to_device(run.outputs, torch.device("cpu")))
        return torch.cat(outputs) if outputs and all(isinstance(one, torch.Tensor) for one in outputs) else outputs

    def _evaluated(self, stage: Literal["val", "test"], loader: Any) -> dict[str, float]:
        with self._evaluation_run() as run:
            self._evaluate(run, stage, loader)
            return {name: value for name, value in run.metrics.items() if name.startswith(f"{stage}/")}

    def _evaluate(self, run: Run, stage: Literal["val", "test"], loader: Any) -> None:
        scores = self._scores[stage]
        scores.reset()
        with run.evaluation(stage), evaluating(self.model):
            for batch in run.batches(loader):
                loss, values = self._forward(run, batch)
                run.log(values if loss is None else values | {"loss": loss})
            run.log(scores.compute())

    def _evaluation_run(self) -> Run:
        self._refuse_while_running("validate, test, predict and export")
        return Run.for_evaluation(
            self._directory,
            host=self._host(),
            callbacks=self.callbacks,
            seed=None,
            hparams=self._hparams,
            **self._place,
        )

    # ---- export --------------------------------------------------------------------------------------------------

    def export(self, path: str | Path, example: Any = None) -> Path:
        """Write the model, to be used without its Python class: with `torch.export`, or as ONNX.

        Args:
            path: where to; ends in ``.pt2``, which `torch.export.load` reads, or in ``.onnx``.
            example: inputs of the model; unless given, those of the first batch of the last fit's data. The first
                dimension stays free.

        Raises:
            OptionError: another suffix, or no example and no data to take one from.
            MissingDependency: what writes ONNX is not installed.
        """
        if example is None:
            loader = self._loaders.get("val") or self._loaders.get("train")
            if loader is None:
                raise OptionError(
                    "export() needs example=, inputs of the model, because this trainer has not seen data."
                )
            example = inputs_and_targets(next(islice(loader, 1)))[0]
        with self._evaluation_run() as run, run.exporting(), evaluating(self.model):
            return export_model(self.model, to_device(example, self.device), Path(path))

    def _host(self) -> Any:
        return trainer_host(
            self.model,
            self._optimization,
            {f"{stage}.{name}": one for stage, scores in self._scores.items() for name, one in scores.counting.items()},
            self._evaluate_now if self._loaders.get("val") is not None else None,
            self._forward_all if self._step is None else None,
            self._trials,
            announces_steps=self._steps_announced,
        )

    def _trials(self) -> AbstractContextManager[Trials]:
        return trials(self._loaders["train"], self._optimization, self._try_out, self.device)

    def _try_out(self, batch: Any) -> None:
        """Run the forward and the backward pass of a batch that does not count."""
        loss, _ = self._forward(unheard(self._run), batch)
        if loss is not None:
            self._optimization.backward(loss)

    def _forward_all(self) -> None:
        """Run the training data through the model once, in an order of its own, and learn nothing from it."""
        limit = self._run.batch_limit if self._run is not None else None
        with closing(ResumableLoader(self._loaders["train"], self._seed or 0, "statistics")) as source:
            for batch in islice(source.batches(0), limit):
                with self._optimization.autocast():
                    self._called(to_device(inputs_and_targets(batch)[0], self.device))

    def _evaluate_now(self) -> None:
        if self._run is None:
            raise RequestRefused("there is a validation to run only within a fit")
        self._evaluate(self._run, "val", self._loaders["val"])

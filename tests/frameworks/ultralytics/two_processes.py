"""Two devices, played by two processes on the CPU: Ultralytics itself trains on one process there.

Ultralytics' own launcher sends the callbacks, starts `torch.distributed.run`, and waits, as it does for two GPUs.
What is different is the device, the backend (gloo for NCCL), and that a mean over ranks is a sum, which gloo has.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import wraps
from types import SimpleNamespace

import torch
from torch import distributed, nn
from ultralytics.engine import validator
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOCAL_RANK, RANK

from lineside.callback import Callback
from tests.frameworks.ultralytics.nms import stand_in

stand_in()
if RANK != -1:

    class OnTheCpu(nn.parallel.DistributedDataParallel):
        """Takes no numbers of devices."""

        def __init__(self, module, *, device_ids, **options):
            super().__init__(module, **options)

    nn.parallel.DistributedDataParallel = OnTheCpu
    plain = distributed.reduce

    @wraps(plain)
    def reduce(tensor, dst, op):
        plain(tensor, dst, distributed.ReduceOp.SUM)
        tensor /= distributed.get_world_size()

    distributed.reduce = reduce

    class Torch:
        """For the validation of best.pt, which asks CUDA for the device of its process."""

        def __getattr__(self, name):
            return getattr(torch, name)

        def device(self, *_):
            return torch.device("cpu")

    validator.torch = Torch()
    validator.get_torch_device_backend = lambda _: SimpleNamespace(current_device=lambda: 0)


class TwoProcesses(DetectionTrainer):
    """A trainer that has two devices."""

    def __init__(self, cfg=None, overrides=None, _callbacks=None):
        self.ddp = LOCAL_RANK == -1
        super().__init__(**({} if cfg is None else {"cfg": cfg}), overrides=overrides, _callbacks=_callbacks)
        self.world_size, self.ddp = 2, LOCAL_RANK == -1

    def run_callbacks(self, event):
        """The process that only launches others calls nobody, as with two GPUs."""
        if LOCAL_RANK != -1:
            super().run_callbacks(event)

    def _setup_ddp(self):
        torch.set_num_threads(1)
        distributed.init_process_group("gloo", timeout=timedelta(seconds=60), rank=RANK, world_size=2)


class WorseAndWorse(Callback):
    """Publishes a metric that is best in the first epoch; its state is how many epochs it has seen."""

    def __init__(self, **options):
        super().__init__(**options)
        self.epochs = 0

    def on_val_end(self, run):
        run.log({"val/badness": float(run.epoch)})
        self.epochs += 1
        if run.epoch == 0:
            run.set_lr(0.01, group="0")

    def state_dict(self):
        return {"epochs": self.epochs}

    def load_state_dict(self, state):
        self.epochs = state["epochs"]


def fail_in_the_second_epoch(run):
    if run.epoch == 1 and run.batch == 1:
        raise RuntimeError("boom")


class Witness:
    """A callback of Ultralytics' own, which runs on all ranks: what each makes of an epoch.

    Args:
        place: a directory.
    """

    def __init__(self, place):
        self.place = place

    def __call__(self, trainer):
        # Each rank keeps running statistics of its own images.
        weights = torch.cat([one.detach().flatten() for one in trainer.model.parameters()])
        seen = {"weights": weights.double().sum().item()}
        (self.place / f"{trainer.epoch}-{RANK}.json").write_text(json.dumps(seen))

"""The one function of torchvision that a detection needs, where torchvision itself cannot be imported."""

from __future__ import annotations

import sys
from types import ModuleType

from ultralytics.utils.nms import TorchNMS


def stand_in() -> None:
    """Some builds of torchvision for the CPU cannot be imported; of all its functions only this one is needed."""
    try:
        import torchvision  # noqa: F401 - tried out
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        found, ops = ModuleType("torchvision"), ModuleType("torchvision.ops")
        found.ops, ops.nms = ops, TorchNMS.nms
        sys.modules.update({"torchvision": found, "torchvision.ops": ops})

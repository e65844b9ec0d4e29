"""The management library of NVIDIA's driver, with GPUs that a test makes up."""
# ruff: noqa: N802 - functions are called as the library calls them

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

GIB = 2**30


@dataclass
class Gpu:
    uuid: str = "GPU-aaaa"
    busy: int = 50
    used: int = 2 * GIB
    total: int = 8 * GIB
    watts: float = 100.0
    celsius: int = 60
    refuses: set[str] = field(default_factory=set)
    instances: list[Gpu | None] | None = None
    """Of a divided GPU; None in the list is an empty place."""


class FakeNvml:
    """What `lineside.system.gpus` uses of ``pynvml``; handles are the GPUs themselves."""

    NVML_DEVICE_MIG_ENABLE = 1
    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, *gpus: Gpu, driver: str | None = None) -> None:
        self.gpus, self.driver = list(gpus), driver

    def nvmlInit(self) -> None:
        if self.driver is not None:
            raise self.NVMLError(self.driver)

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:
        if index >= len(self.gpus):
            raise self.NVMLError("Invalid Argument")
        return self.gpus[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Gpu:
        for gpu in self.gpus:
            for instance in gpu.instances or []:
                if instance is not None and instance.uuid == uuid:
                    return instance
        raise self.NVMLError("Not Found")

    def nvmlDeviceGetUUID(self, gpu: Gpu) -> bytes:
        return gpu.uuid.encode()

    def nvmlDeviceGetMigMode(self, gpu: Gpu) -> list[int]:
        if gpu.instances is None:
            raise self.NVMLError("Not Supported")
        return [self.NVML_DEVICE_MIG_ENABLE, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: Gpu) -> int:
        return len(gpu.instances or [])

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Gpu, index: int) -> Gpu:
        instance = (gpu.instances or [])[index]
        if instance is None:
            raise self.NVMLError("Not Found")
        return instance

    def nvmlDeviceGetUtilizationRates(self, gpu: Gpu) -> Any:
        return SimpleNamespace(gpu=self._told(gpu, "utilization", gpu.busy))

    def nvmlDeviceGetMemoryInfo(self, gpu: Gpu) -> Any:
        return SimpleNamespace(used=self._told(gpu, "memory", gpu.used), total=gpu.total)

    def nvmlDeviceGetTemperature(self, gpu: Gpu, sensor: int) -> int:
        return self._told(gpu, "temperature", gpu.celsius)

    def nvmlDeviceGetPowerUsage(self, gpu: Gpu) -> float:
        return 1e3 * self._told(gpu, "power", gpu.watts)

    def _told(self, gpu: Gpu, what: str, value: Any) -> Any:
        if what in gpu.refuses:
            raise self.NVMLError("Not Supported")
        return value

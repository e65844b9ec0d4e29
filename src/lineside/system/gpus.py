"""NVIDIA's GPUs, by the management library that comes with the driver (NVML)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lineside.language import text

GpuChoice = bool | Literal["auto"] | Sequence[int | str]
"""No GPU, those that this process may use, or some by index or UUID."""

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class _Gpu:
    """One GPU, or one instance of a GPU that is divided (MIG)."""

    name: str
    handle: Any


class Gpus:
    """The GPUs of this process.

    What a GPU does not tell, as instances of a divided one do not tell their utilization, is left out from then on.

    Args:
        nvml: the library ``pynvml``, or what stands for it.
        choice: which GPUs.
        environment: variables; ``CUDA_VISIBLE_DEVICES``, ``WORLD_SIZE`` and ``LOCAL_RANK`` say which GPUs are this
            process's own.

    Attributes:
        answers: whether there is a driver that answers.
        notes: what cannot be watched, and why; each is to be told once.
    """

    def __init__(self, nvml: Any, choice: GpuChoice = "auto", environment: Mapping[str, str] = os.environ) -> None:
        self.answers = True
        self.notes: list[str] = []
        self._nvml = nvml
        self._gpus: list[_Gpu] = []
        self._silent: set[tuple[str, str]] = set()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            self.answers = False
            self.notes.append(
                text(
                    f"GPUs are not watched, because NVIDIA's driver does not answer: {error}.",
                    f"未监测 GPU：NVIDIA 驱动没有响应（{error}）。",
                )
            )
            return
        for wanted in self._wanted(choice, environment):
            self._open(wanted)

    def _wanted(self, choice: GpuChoice, environment: Mapping[str, str]) -> list[int | str]:
        if not isinstance(choice, (bool, str)):
            return list(choice)
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            every: list[int | str] = list(range(self._nvml.nvmlDeviceGetCount()))
        else:
            every = list(_listed(visible))
        if int(environment.get("WORLD_SIZE") or 1) > 1 and (own := environment.get("LOCAL_RANK", "")).isdigit():
            every = every[int(own) : int(own) + 1]
        return every

    def _open(self, wanted: int | str) -> None:
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(wanted) if isinstance(wanted, int) else self._by_uuid(wanted)
            name = f"gpu{len({gpu.name.partition('.')[0] for gpu in self._gpus})}"
            instances = list(self._instances(handle))
            self._gpus += [_Gpu(f"{name}.{number}", one) for number, one in enumerate(instances)]
            if not instances:
                self._gpus.append(_Gpu(name, handle))
        except nvml.NVMLError as error:
            self.notes.append(text(f"GPU {wanted} is not watched: {error}.", f"未监测 GPU {wanted}：{error}。"))

    def _by_uuid(self, uuid: str) -> Any:
        """Return the GPU whose UUID begins so; CUDA lets users shorten it."""
        nvml = self._nvml
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            if _decoded(nvml.nvmlDeviceGetUUID(handle)).startswith(uuid):
                return handle
        return nvml.nvmlDeviceGetHandleByUUID(uuid)  # an instance of a divided GPU, or unknown

    def _instances(self, handle: Any) -> Iterator[Any]:
        """Yield the instances of a divided GPU that this process can see; none if it is not divided."""
        nvml = self._nvml
        try:
            divided = nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE
            count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle) if divided else 0
        except nvml.NVMLError:  # a GPU that cannot be divided, or an instance itself
            return
        for index in range(count):
            try:
                yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
            except nvml.NVMLError:  # this place is empty
                continue

    def read(self) -> dict[str, float]:
        """Return what each GPU tells, under names such as ``gpu0/utilization_percent``."""
        values: dict[str, float] = {}
        for gpu in self._gpus:
            for what, ask in self._questions(gpu.handle).items():
                if (gpu.name, what) in self._silent:
                    continue
                try:
                    values |= {f"{gpu.name}/{metric}": value for metric, value in ask().items()}
                except self._nvml.NVMLError as error:
                    self._silent.add((gpu.name, what))
                    self.notes.append(
                        text(
                            f"{gpu.name} does not tell its {what} ({error}); it is left out.",
                            f"{gpu.name} 不提供 {what}（{error}），此项略去。",
                        )
                    )
        return values

    def _questions(self, handle: Any) -> dict[str, Callable[[], dict[str, float]]]:
        nvml = self._nvml
        return {
            "utilization": lambda: {"utilization_percent": float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)},
            "memory": lambda: _memory(nvml.nvmlDeviceGetMemoryInfo(handle)),
            "temperature": lambda: {
                "temperature_celsius": float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
            },
            "power": lambda: {"power_watts": nvml.nvmlDeviceGetPowerUsage(handle) / 1e3},
        }


def _memory(info: Any) -> dict[str, float]:
    return {"memory_gib": info.used / _GIB, "memory_percent": 100.0 * info.used / info.total}


def _listed(visible: str) -> Iterator[int | str]:
    """Yield the GPUs of ``CUDA_VISIBLE_DEVICES``; as CUDA does, stop at the first that is none."""
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isdigit():
            yield int(entry)
        elif entry.startswith(("GPU-", "MIG-")):
            yield entry
        else:
            return


def _decoded(name: Any) -> str:
    """Return a text; earlier versions of the library give bytes."""
    return name.decode() if isinstance(name, bytes) else str(name)

"""What a machine tells about the place that runs are written to: a container, and what is mounted there."""

from __future__ import annotations

import os
from pathlib import Path

from lineside.advice.facts import Facts
from lineside.files import mount_of

_MARKS = {".dockerenv": "docker", "run/.containerenv": "podman"}


def machine_facts(directory: str | Path, root: Path = Path("/")) -> Facts:
    """Return what is known without a run.

    Args:
        directory: where runs are written, or would be; it need not exist.
        root: below which the marks of a container are looked for.
    """
    mount = mount_of(directory)
    return Facts(
        directory=os.path.realpath(directory),
        container=_container(root),
        mount=mount.point if mount is not None else None,
        filesystem=mount.kind if mount is not None else None,
    )


def _container(root: Path) -> str | None:
    """Return the kind of container that this process runs in; None outside, and where it cannot be told."""
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    return next((kind for mark, kind in _MARKS.items() if (root / mark).exists()), None)

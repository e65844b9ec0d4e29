"""A file that a framework goes on from by itself, beside a run that goes on as well."""

from __future__ import annotations

from pathlib import Path

from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.digests import digest_file
from lineside.errors import RunStateError


def check_host_file(path: str | Path, checkpoint: Checkpoint | None, *, run: str, framework: str, kind: str) -> None:
    """Refuse a file that is not part of the checkpoint that a run goes on from; it is told by its digest.

    Args:
        path: what the framework goes on from.
        checkpoint: what the run goes on from; None where it begins.
        run: the run's name.
        framework: for the message.
        kind: the suffix of the framework's own files in a checkpoint.

    Raises:
        RunStateError: naming both, and the file that would fit.
    """
    if checkpoint is None:
        raise RunStateError(
            f"{framework} goes on from {path}, and the run {run} begins: they do not belong together. Leave one of "
            "the two resumes out."
        )
    own = {name: record for name, record in checkpoint.manifest.files.items() if name.endswith(kind)}
    if Path(path).is_file() and digest_file(Path(path)) in {record.digest for record in own.values()}:
        return
    fitting = ", ".join(str(checkpoint.path / name) for name in sorted(own)) or "none"
    raise RunStateError(
        f"{framework} goes on from {path}, and the run {run} from {checkpoint.name}, step {checkpoint.step}, of which "
        f"that file is no part: they do not belong together. Leave one of the two resumes out, or give {framework} "
        f"what was committed with that checkpoint: {fitting}."
    )

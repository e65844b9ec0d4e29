"""A model as a SavedModel, which TensorFlow loads and serves without Keras and without the code of the model."""

from __future__ import annotations

import logging
import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lineside.errors import CheckpointContentsError
from lineside.files import fsync, rename

log = logging.getLogger("lineside")


def why_no_saved_model() -> str | None:
    """Return why Keras writes no SavedModel on the backend of this process; None if it does."""
    from keras import backend

    if backend.backend() == "torch":
        return (
            "Keras on torch writes no SavedModel: load its .keras file with KERAS_BACKEND=tensorflow, and call "
            "model.export()"
        )
    return None if find_spec("tensorflow") else "a SavedModel is written by TensorFlow: pip install tensorflow"


def export(model: Any, path: Path) -> None:
    """Write a SavedModel into the directory `path`, in the place of an older one as soon as it is whole.

    Raises:
        CheckpointContentsError: Keras cannot export this model, such as one that was never called.
    """
    staged = path.with_name(f".{path.name}-{secrets.token_hex(2)}")
    try:
        model.export(staged, format="tf_saved_model", verbose=False)
        for part in staged.rglob("*"):
            fsync(part)
        if path.exists():
            older = path.with_name(f"{staged.name}-older")
            rename(path, older)
            shutil.rmtree(older)
        rename(staged, path)
    except OSError:
        raise
    except Exception as error:
        raise CheckpointContentsError(f"Keras cannot export this model as a SavedModel: {error}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    log.info("Exported a SavedModel to %s.", path)

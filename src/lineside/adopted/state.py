"""The state that an object of another framework shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PAIRS = (("state_dict", "load_state_dict"), ("get_state", "set_state"))


@dataclass(frozen=True, slots=True)
class ForeignState:
    """How the state is taken, as plain data, and put back."""

    take: Callable[[], Any]
    put: Callable[[Any], object]


def state_of(foreign: Any) -> ForeignState | None:
    """Return how an object's state is taken and put back, or None where it shows none."""
    for taking, putting in _PAIRS:
        take, put = getattr(foreign, taking, None), getattr(foreign, putting, None)
        if callable(take) and callable(put):
            return ForeignState(take, put)
    # Hugging Face's `ExportableState`. It builds a new object from options and attributes; here the object stays, with
    # the options that it was made with, so that a resumed run may have others.
    take = getattr(foreign, "state", None)
    if callable(take) and callable(getattr(foreign, "from_state", None)):

        def put_attributes(state: Mapping[str, Any]) -> None:
            for name, value in state["attributes"].items():
                setattr(foreign, name, value)

        return ForeignState(take, put_attributes)
    return None

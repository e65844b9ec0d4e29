from __future__ import annotations

from types import SimpleNamespace

from lineside.adopted.state import state_of


class Exportable:
    def __init__(self, patience=1):
        self.patience, self.counter = patience, 0

    def state(self):
        return {"args": {"patience": self.patience}, "attributes": {"counter": self.counter}}

    @classmethod
    def from_state(cls, state):
        raise AssertionError("a new object would be another one than that which the user holds")


def test_pairs_of_methods_are_found() -> None:
    kept: list[object] = []
    for names in (("state_dict", "load_state_dict"), ("get_state", "set_state")):
        state = state_of(SimpleNamespace(**{names[0]: lambda: 3, names[1]: kept.append}))
        assert state is not None
        state.put(state.take())
    assert kept == [3, 3]


def test_half_a_pair_is_none() -> None:
    assert state_of(SimpleNamespace(state_dict=dict)) is None


def test_exportable_state_goes_into_the_same_object_and_leaves_its_options() -> None:
    one, other = Exportable(patience=1), Exportable(patience=5)
    one.counter = 4
    taken, put = state_of(one), state_of(other)
    assert taken is not None
    assert put is not None
    put.put(taken.take())
    assert (other.patience, other.counter) == (5, 4)

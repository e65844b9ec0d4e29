from __future__ import annotations

import json
import math
import struct
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineside.checkpoints.documents import decode, encode, seal, unseal
from lineside.errors import CheckpointContentsError

# A busy machine must not fail a test, and a test must try the same values every time.
calmly = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["$float", "$", "$$", "digest"]), inner)
    ),
    max_leaves=20,
)


def bits(value: Any) -> Any:
    """Make values comparable to the bit: a float becomes its bytes, and True differs from 1."""
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    if isinstance(value, list):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return [(key, bits(item)) for key, item in value.items()]
    return (type(value).__name__, value)


@calmly
@given(plain)
def test_plain_data_comes_back_to_the_bit_and_in_order(data: Any) -> None:
    raw = encode(data, "state.json")
    assert bits(decode(raw)) == bits(data)
    json.loads(raw, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@calmly
@given(st.binary(min_size=8, max_size=8))
def test_every_float_there_is_comes_back_to_the_bit(raw: bytes) -> None:
    value = struct.unpack(">d", raw)[0]
    assert struct.pack(">d", decode(encode(value, "state.json"))) == struct.pack(">d", value)


def test_what_people_meet_is_readable() -> None:
    assert json.loads(encode({"best": math.inf, "worst": -math.inf, "loss": math.nan}, "state.json")) == {
        "best": {"$float": "inf"},
        "worst": {"$float": "-inf"},
        "loss": {"$float": "nan"},
    }


def test_a_tuple_comes_back_as_a_list_and_a_subclass_as_its_base() -> None:
    class Loss(float):
        pass

    data = decode(encode(OrderedDict(version=(3, (1, 2), None), loss=Loss(0.5)), "state.json"))
    assert data == {"version": [3, [1, 2], None], "loss": 0.5}


@pytest.mark.parametrize(
    ("data", "culprit", "kind"),
    [
        ({"a": {"b": [0, {1, 2}]}}, r"state.json\['a'\]\['b'\]\[1\]", "builtins.set"),
        ({"blob": b"x"}, r"state.json\['blob'\]", "builtins.bytes"),
        ({"z": 1j}, r"state.json\['z'\]", "builtins.complex"),
        (object(), "state.json", "builtins.object"),
    ],
)
def test_anything_else_is_refused_by_name(data: Any, culprit: str, kind: str) -> None:
    with pytest.raises(CheckpointContentsError, match=f"{culprit} is a {kind}"):
        encode(data, "state.json")


def test_a_key_that_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(CheckpointContentsError, match=r"state.json\['a'\] has the key 3, a int"):
        encode({"a": {3: "x"}}, "state.json")


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(CheckpointContentsError, match="contains itself"):
        encode(loop, "state.json")


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"Infinity",
        b'{"a": 1, "a": 2}',
        b'{"$float": 1}',
        b'{"$float": "00"}',
        b'{"$float": "zz"}',
        b'{"$import": "os"}',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
    ids=str,
)
def test_what_encode_never_writes_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(raw)


def test_a_seal_is_for_people_to_read_and_holds_a_digest() -> None:
    raw = seal({"name": "x", "loss": math.nan}, "manifest.json")
    assert unseal(raw) == pytest.approx({"name": "x", "loss": math.nan}, nan_ok=True)
    assert raw.decode().splitlines()[1] == ' "name": "x",'
    assert json.loads(raw)["digest"].startswith("xxh3_128:")


def test_every_changed_bit_breaks_the_seal() -> None:
    raw = seal({"name": "é", "step": 3, "empty": {}}, "manifest.json")
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match=r".+"):
            unseal(bytes(changed))


@pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"digest": 3}', b'{"digest": "xxh3_128:00"}'])
def test_what_was_never_sealed_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="digest"):
        unseal(raw)

"""What crosses between grader and sandbox: values come out as they went in, and whatever else comes is refused."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from effdl_lite.checking import Handle
from grading.sandboxed import wire
from grading.sandboxed.wire import Packer, Unpacker, WireError

MATRIX = torch.arange(24.0).reshape(2, 3, 4)


def there_and_back(value, packer=None, unpacker=None):
    packer = packer or Packer(lambda handle: handle._target)
    text = json.loads(json.dumps(packer.pack(value)))
    unpacker = unpacker or (lambda raw: Unpacker(raw, lambda number, kind: Handle(None, kind, number)))
    return unpacker(packer.raw).unpack(text)


def unpacked(text, raw=b""):
    return Unpacker(bytearray(raw), lambda number, kind: Handle(None, kind, number)).unpack(text)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("dtype", wire.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_tensors_of_every_type_come_back(dtype, shape):
    tensor = (10 * torch.rand(shape)).to(dtype)
    assert same(there_and_back([tensor, 1.5, tensor]), [tensor, 1.5, tensor])


@pytest.mark.parametrize(
    "tensor",
    [MATRIX.transpose(0, 2), MATRIX[:, ::2], MATRIX.permute(1, 2, 0)[1:], MATRIX[0].T, torch.ones(1).expand(3, 2)],
    ids=["transposed", "every second", "permuted slice", "matrix", "expanded"],
)
def test_a_tensor_keeps_its_layout_as_a_copy_within_the_process_would(tensor):
    found = there_and_back(tensor)
    assert same(found, tensor.clone())
    assert found.stride() == tensor.clone().stride()


def test_a_gradient_and_a_class_of_one_s_own_do_not_cross():
    weight = torch.ones(2, requires_grad=True)
    found = there_and_back(torch.nn.Parameter(weight))
    assert type(found) is Tensor
    assert not found.requires_grad


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_plain_values_come_back(value):
    assert same(there_and_back(value), value)


def test_a_handle_crosses_as_its_number():
    found = there_and_back([Handle(None, "Net\n work", 7)])[0]
    assert (found._target, found._kind) == (7, "Net work")


def test_a_generator_goes_on_where_it_is_and_follows_what_the_test_does_to_it():
    sent, known = {}, {}
    packer = lambda: Packer(None, sent)  # noqa: E731
    unpacker = lambda raw: Unpacker(raw, None, known)  # noqa: E731
    ours = torch.Generator().manual_seed(5)
    theirs = there_and_back(ours, packer(), unpacker)
    first = torch.rand(3, generator=theirs)
    assert torch.equal(first, torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert there_and_back(ours, packer(), unpacker) is theirs
    assert not torch.equal(torch.rand(3, generator=theirs), first), "unchanged here, so it goes on there"
    ours.manual_seed(5)
    torch.rand(1, generator=ours)
    there_and_back(ours, packer(), unpacker)
    assert torch.equal(theirs.get_state(), ours.get_state())


@pytest.mark.parametrize("value", [object(), 1 + 2j, b"x", {1, 2}, torch.float32, torch.Generator()])
def test_what_is_no_value_does_not_cross(value):
    with pytest.raises(WireError):
        there_and_back([value])


def test_a_byte_that_is_no_bool_becomes_one():
    found = unpacked({"tensor": "bool", "shape": [3], "order": [0]}, b"\x00\x02\xff")
    assert torch.equal(found, torch.tensor([False, True, True]))
    assert found.view(torch.uint8).tolist() == [0, 1, 1]


GOOD = {"tensor": "float32", "shape": [2], "order": [0]}


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        (GOOD, bytes(7)),
        (GOOD, bytes(9)),
        ({**GOOD, "shape": [-2]}, bytes(8)),
        ({**GOOD, "shape": [True, True]}, bytes(4)),
        ({**GOOD, "shape": [2.0]}, bytes(8)),
        ({**GOOD, "shape": [1 << 40]}, bytes(8)),
        ({**GOOD, "shape": [1 << 30] * 16, "order": list(range(16))}, bytes(8)),
        ({**GOOD, "shape": [1] * 17, "order": list(range(17))}, bytes(4)),
        ({**GOOD, "shape": "2"}, bytes(8)),
        ({**GOOD, "order": []}, bytes(8)),
        ({**GOOD, "order": [1]}, bytes(8)),
        ({**GOOD, "order": ["0"]}, bytes(8)),
        ({**GOOD, "order": [0, 0]}, bytes(8)),
        ({**GOOD, "tensor": "qint8"}, bytes(8)),
        ({**GOOD, "tensor": "__class__"}, bytes(8)),
        ({**GOOD, "tensor": ["float32"]}, bytes(8)),
        ({"dict": [[1]]}, b""),
        ({"dict": [[[], 1]]}, b""),
        ({"dict": [[{"list": []}, 1]]}, b""),
        ({"dict": {"a": 1}}, b""),
        ({"handle": "1", "kind": "x"}, b""),
        ({"handle": 1}, b""),
        ({"generator": 1, "state": None}, b""),
        ({"value": 1}, b""),
        ({}, b""),
        ([1], b""),
    ],
)
def test_what_is_no_packed_value_is_refused(text, raw):
    with pytest.raises(WireError):
        unpacked(text, raw)


def test_lists_too_deep_are_refused_on_both_sides():
    text, value = 1, 1
    for _ in range(1000):
        text, value = {"list": [text]}, [value]
    with pytest.raises(WireError, match="deep"):
        unpacked(text)
    with pytest.raises(WireError, match="deep"):
        there_and_back(value)


@pytest.mark.parametrize("text", [b"", b"[" * 500_000, b"5", b"[]", b"\xff", b'{"a": ' + b"9" * 5000 + b"}", b'{"a"'])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(WireError):
        wire.text_of(text)


def test_sizes_are_checked_before_anything_is_read():
    assert wire.sizes(wire.framed({}, b"abc")[:8], 10, 10) == (2, 3)
    for head in (b"\xff" * 8, wire.SIZES.pack(11, 0), wire.SIZES.pack(0, 11)):
        with pytest.raises(WireError, match="may come"):
            wire.sizes(head, 10, 10)


LEAVES = st.none() | st.booleans() | st.integers(-3, 1 << 33) | st.floats() | st.sampled_from(["float32", "bool", "x"])
KEYS = st.sampled_from(["list", "tuple", "dict", "tensor", "shape", "order", "handle", "kind", "generator", "state"])
TEXTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.binary(max_size=64))
def test_whatever_comes_is_a_plain_value_or_refused(text, raw):
    try:
        found = unpacked(text, raw)
    except WireError:
        return
    assert plain(found)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(wire.DTYPES)), st.lists(st.integers(0, 4), max_size=4), st.data())
def test_a_well_formed_tensor_has_its_shape_and_no_byte_beyond(dtype, shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    size = math.prod(shape) * wire.DTYPES[dtype].itemsize
    found = unpacked(
        {"tensor": dtype, "shape": shape, "order": order}, data.draw(st.binary(min_size=size, max_size=size))
    )
    assert sorted(found.shape) == sorted(shape)
    assert found.untyped_storage().nbytes() <= max(size, 0)


def plain(value):
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    if isinstance(value, dict):
        return all(map(plain, [*value, *value.values()]))
    return type(value) in (bool, int, float, str, type(None), Tensor, Handle)

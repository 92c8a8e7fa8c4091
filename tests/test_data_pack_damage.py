"""However a pack file is damaged, it is either refused in one line or read as it was."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effdl_lite.data import pack
from effdl_lite.data.errors import DataError

ARRAYS = {
    "train_images": np.zeros((2_001, 32, 32, 3), np.uint8),
    "train_labels": np.arange(2_001, dtype=np.uint8) % 10,
    "test_images": np.arange(3 * 3072, dtype=np.uint8).reshape(3, 32, 32, 3),
    "test_labels": np.arange(3, dtype=np.uint8),
}


def packed() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS)
    return buffer.getvalue()


GOOD = packed()
common = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@common
@given(length=st.integers(0, len(GOOD) - 1))
def test_a_pack_that_was_cut_short_is_refused(tmp_path, length):
    path = tmp_path / "cifar10.npz"
    path.write_bytes(GOOD[:length])
    with pytest.raises(DataError, match=r"cifar10\.npz"):
        pack.read_arrays(path)


@common
@given(position=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_without_effect(tmp_path, position, bit):
    path = tmp_path / "cifar10.npz"
    path.write_bytes(GOOD[:position] + bytes([GOOD[position] ^ (1 << bit)]) + GOOD[position + 1 :])
    try:
        arrays = pack.read_arrays(path)
    except DataError:
        return
    # Some bits of a zip file, such as dates, mean nothing to the arrays.
    for name, array in ARRAYS.items():
        assert (arrays[name] == array).all()

"""Digits for LeNet: MNIST where it is, else scikit-learn's."""

import struct

import numpy as np
import pytest
import torch

from effdl_lite.data import load_digits
from effdl_lite.data.errors import DataError


def write_idx(path, array: np.ndarray) -> None:
    """The file format of MNIST: a magic number, the sizes, the bytes."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def test_scikit_learns_digits_are_real_and_never_overlap(tmp_path):
    data = load_digits(tmp_path)
    assert data.source.is_real
    assert "scikit-learn" in str(data.source)
    parts = [data.train_images, data.validation_images, data.test_images]
    assert [tuple(part.shape) for part in parts] == [(1197, 1, 28, 28), (200, 1, 28, 28), (400, 1, 28, 28)]
    assert all(part.dtype == torch.uint8 and part.max() == 255 and part.min() == 0 for part in parts)
    assert set(data.test_labels.tolist()) == set(range(10))
    assert torch.equal(load_digits(tmp_path).train_images, data.train_images)
    assert len(data.source.sha256) == 64


def test_a_digit_can_be_told_by_its_nearest_neighbour(tmp_path):
    """Images and labels were moved together."""
    data = load_digits(tmp_path)
    train, test = (part.flatten(1).float() for part in (data.train_images, data.test_images))
    nearest = data.train_labels[torch.cdist(test, train).argmin(dim=1)]
    assert (nearest == data.test_labels).float().mean() > 0.95


def test_mnist_is_taken_where_torchvision_left_it(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, count in (("train", 2_500), ("t10k", 30)):
        write_idx(raw / f"{name}-images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{name}-labels-idx1-ubyte", generator.integers(0, 10, count, dtype=np.uint8))
    data = load_digits(tmp_path)
    assert str(data.source) == "MNIST (pack, 500 training images)"
    assert len(data.validation_images) == 2_000
    assert tuple(data.test_images.shape) == (30, 1, 28, 28)
    assert len(data.source.files) == 4


def test_half_an_mnist_is_no_mnist(tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    with pytest.raises(DataError, match="does not hold all of MNIST"):
        load_digits(tmp_path)

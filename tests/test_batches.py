"""Batches: nothing is lost, nothing is mixed up, and the same seed gives the same order."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effdl_lite.batches import ImageBatches, TextBatches, channel_statistics


def some_images(count: int = 20, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return images.to(memory_format=torch.channels_last), torch.arange(count)


def test_images_are_standardised_to_mean_0_and_deviation_1_a_channel():
    images, labels = some_images(50)
    (batch, _) = next(iter(ImageBatches(images, labels, 50)))
    assert torch.allclose(batch.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(batch.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_channel_statistics_are_those_of_the_pixels():
    images, _ = some_images()
    mean, std = channel_statistics(images)
    pixels = images.double() / 255
    assert torch.allclose(mean.double(), pixels.mean(dim=(0, 2, 3)))
    assert torch.allclose(std.double(), pixels.std(dim=(0, 2, 3), correction=0))


def test_validation_batches_use_the_scale_of_the_training_images():
    images, labels = some_images()
    train = ImageBatches(images, labels, 5)
    other = ImageBatches(images[:4] // 2, labels[:4], 4, mean=train.mean, std=train.std)
    (batch, _) = next(iter(other))
    expected = ((images[:4] // 2) / 255 - train.mean.view(3, 1, 1)) / train.std.view(3, 1, 1)
    assert torch.allclose(batch, expected)


def test_in_order_every_image_comes_once_with_its_label_and_the_last_batch_is_short():
    images, labels = some_images(20)
    batches = ImageBatches(images, labels, 8)
    seen = [part for _, part in batches]
    assert [len(part) for part in seen] == [8, 8, 4]
    assert len(batches) == 3
    assert torch.equal(torch.cat(seen), labels)


def test_shuffled_no_image_comes_twice_and_all_batches_are_full():
    images, labels = some_images(20)
    batches = ImageBatches(images, labels, 8, shuffle=True)
    seen = [part for _, part in batches]
    assert [len(part) for part in seen] == [8, 8] == [8] * len(batches)
    assert len(torch.cat(seen).unique()) == 16


def test_each_epoch_has_a_new_order_and_the_same_seed_the_same_one():
    images, labels = some_images(20)
    first, second = (ImageBatches(images, labels, 20, shuffle=True, seed=3) for _ in range(2))
    epoch = next(iter(first))[1]
    assert torch.equal(epoch, next(iter(second))[1])
    assert not torch.equal(epoch, next(iter(first))[1])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.integers(0, 3))
def test_an_augmented_image_is_a_flip_and_shift_of_the_reflected_original(seed, shift):
    images, labels = some_images(6)
    batches = ImageBatches(images, labels, 6, augment=True, shift=shift, seed=seed)
    padded = torch.nn.functional.pad(images.float(), (shift,) * 4, mode="reflect") if shift else images.float()
    for original, augmented in zip(padded, batches._augmented(labels).permute(0, 3, 1, 2), strict=True):
        crops = [
            crop
            for y in range(2 * shift + 1)
            for x in range(2 * shift + 1)
            for crop in (original[:, y : y + 8, x : x + 8], original[:, y : y + 8, x : x + 8].flip(2))
        ]
        assert any(torch.equal(augmented.float(), crop) for crop in crops)


def test_about_half_of_the_images_are_flipped():
    images, labels = some_images(400)
    batches = ImageBatches(images, labels, 400, augment=True, shift=0)
    same = (batches._augmented(labels).permute(0, 3, 1, 2) == images).flatten(1).all(dim=1)
    assert 0.4 < same.float().mean() < 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.arange(3)}, "20 images but 3 labels"),
        ({"images": torch.zeros(20, 3, 8, 8)}, "give uint8"),
        ({"batch_size": 21}, r"not in 1\.\.20"),
        ({"batch_size": 0}, r"not in 1\.\.20"),
        ({"shift": 8}, r"shift 8 is not in 0\.\.7"),
    ],
)
def test_images_that_cannot_be_batched_are_refused(change, message):
    images, labels = some_images()
    with pytest.raises(ValueError, match=message):
        ImageBatches(**({"images": images, "labels": labels, "batch_size": 4} | change))


@settings(max_examples=40, deadline=None)
@given(length=st.integers(2, 60), streams=st.integers(1, 9), steps=st.integers(1, 12))
def test_every_stream_is_read_in_order_and_each_target_is_the_next_word(length, streams, steps):
    tokens = torch.arange(length)
    if length // streams < 2:
        with pytest.raises(ValueError, match="at least 2 tokens"):
            TextBatches(tokens, streams, steps)
        return
    batches = list(TextBatches(tokens, streams, steps))
    assert len(batches) == len(TextBatches(tokens, streams, steps))
    words, targets = (torch.cat(parts, dim=1) for parts in zip(*batches, strict=True))
    assert torch.equal(targets, words + 1)
    assert words.shape == (streams, length // streams - 1)
    assert torch.equal(words[:, 0], torch.arange(streams) * (length // streams))
    assert all(part.shape[1] <= steps for part, _ in batches)


def test_a_text_in_no_streams_is_refused():
    with pytest.raises(ValueError, match="in 0 streams"):
        TextBatches(torch.arange(10), 0, 5)

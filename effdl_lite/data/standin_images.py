"""A synthetic stand-in for CIFAR-10: ten classes of textured shapes, made on the spot.

A class is a shape (disc, square, triangle, ring, cross) with stripes that run along or across it, on a background that
leans towards a colour. Place, size, a small turn, most of the colour, clutter and noise are random: a linear classifier
has the leaning of the colour and little else, and stays far below a small convolutional network, as on CIFAR-10. But
these are not natural images, and no result on them is a result on CIFAR-10.
"""

import numpy as np

SHAPES = ("disc", "square", "triangle", "ring", "cross")
CLASS_NAMES = tuple(f"{shape}, stripes {way}" for shape in SHAPES for way in ("along", "across"))

TRAIN_IMAGES, VALIDATION_IMAGES, TEST_IMAGES = 6_000, 2_000, 2_000
BLOCK = 2_000
SEED = 0
RECIPE = f"effdl stand-in images, version 1, seed {SEED}"

# Ten points on the circle of hues, [10, 3], values 0..1.
HUES = 2 * np.pi * (np.arange(10)[:, None] / 10 + np.arange(3) / 3)
CLASS_COLOURS = (0.5 + 0.5 * np.cos(HUES)).astype(np.float32)
COLOUR_STRENGTH = 0.4

# Streams of random numbers: training block number n uses n.
VALIDATION_STREAM, TEST_STREAM = 1_000_001, 1_000_002


def generate(train_images: int = TRAIN_IMAGES, seed: int = SEED) -> dict[str, np.ndarray]:
    """The arrays of a pack, made up.

    Args:
        train_images: size of the training part. The first n images are the same whatever its size is.
        seed: of the random numbers.

    Returns:
        As `pack.read_arrays`: the last 2,000 of ``train_images`` are the validation set.
    """
    blocks = [_block(seed, number) for number in range(-(-train_images // BLOCK))]
    images = np.concatenate([images for images, _ in blocks])[:train_images]
    labels = np.concatenate([labels for _, labels in blocks])[:train_images]
    validation_images, validation_labels = _block(seed, VALIDATION_STREAM)
    test_images, test_labels = _block(seed, TEST_STREAM)
    return {
        "train_images": np.concatenate([images, validation_images]),
        "train_labels": np.concatenate([labels, validation_labels]),
        "test_images": test_images,
        "test_labels": test_labels,
    }


def _block(seed: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """`BLOCK` images uint8 [N, 32, 32, 3] with their labels uint8 [N], 200 of each class in random order."""
    random = np.random.default_rng([seed, stream])
    labels = (random.permutation(BLOCK) % len(CLASS_NAMES)).astype(np.uint8)
    shape, across = labels // 2, labels % 2

    def uniform(low: float, high: float, *sizes: int) -> np.ndarray:
        return random.uniform(low, high, (BLOCK, *(sizes or (1, 1)))).astype(np.float32)

    # Coordinates from the centre of each image's shape, turned by up to 0.35 rad and measured in units of its radius.
    row, column = np.meshgrid(np.arange(32, dtype=np.float32), np.arange(32, dtype=np.float32), indexing="ij")
    radius = uniform(6.0, 11.0)
    y, x = row - uniform(10, 21), column - uniform(10, 21)
    turn = uniform(-0.35, 0.35)
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / radius, (y * np.cos(turn) - x * np.sin(turn)) / radius

    inside = _inside(u, v, shape)
    # One wave in 4 to 6 pixels; random phase, so that a pixel in the shape is light as often as dark.
    wave = np.where(across[:, None, None] == 1, u, v) * radius
    stripes = 0.5 + 0.5 * np.sin(wave * (2 * np.pi / uniform(4.0, 6.0)) + uniform(0, 2 * np.pi))

    light, dark = uniform(0, 1, 1, 1, 3), uniform(0, 1, 1, 1, 3)
    # A shape whose two colours are alike would have no stripes to see.
    dark = np.where(np.abs(light - dark).mean(-1, keepdims=True) < 0.35, 1 - light, dark)
    figure = dark + (light - dark) * stripes[..., None]
    image = np.where(inside[..., None], figure, _background(random, row, column, CLASS_COLOURS[labels]))
    image += random.standard_normal(image.shape, dtype=np.float32) * 0.06
    return (image.clip(0, 1) * 255).astype(np.uint8), labels


def _inside(u: np.ndarray, v: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Which pixels belong to the shape; u and v are [N, 32, 32] coordinates in units of its radius."""
    inside = np.empty(u.shape, dtype=bool)
    rules = (
        lambda u, v: u * u + v * v < 1,
        lambda u, v: np.maximum(abs(u), abs(v)) < 0.85,
        lambda u, v: (v < 0.75) & (abs(u) < 0.55 * (v + 1)),
        lambda u, v: (u * u + v * v < 1) & (u * u + v * v > 0.25),
        lambda u, v: (np.minimum(abs(u), abs(v)) < 0.33) & (np.maximum(abs(u), abs(v)) < 1),
    )
    for index, rule in enumerate(rules):
        chosen = shape == index
        inside[chosen] = rule(u[chosen], v[chosen])
    return inside


def _background(random: np.random.Generator, row: np.ndarray, column: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Clutter: a colour that leans towards that of the class [N, 3], two waves, two plain discs; [N, 32, 32, 3]."""

    def uniform(low: float, high: float, *sizes: int) -> np.ndarray:
        return random.uniform(low, high, (BLOCK, *sizes)).astype(np.float32)

    colour = (1 - COLOUR_STRENGTH) * uniform(0, 1, 3) + COLOUR_STRENGTH * colours
    image = np.broadcast_to(colour[:, None, None, :], (BLOCK, 32, 32, 3)).copy()
    for _ in range(2):
        angle, length = uniform(0, 2 * np.pi, 1, 1), uniform(8, 24, 1, 1)
        wave = np.sin(
            (row * np.sin(angle) + column * np.cos(angle)) * (2 * np.pi / length) + uniform(0, 2 * np.pi, 1, 1)
        )
        image += 0.2 * wave[..., None] * uniform(-1, 1, 1, 1, 3)
    for _ in range(2):
        distance = (row - uniform(0, 31, 1, 1)) ** 2 + (column - uniform(0, 31, 1, 1)) ** 2
        blob = (distance < uniform(2, 5, 1, 1) ** 2)[..., None]
        image = np.where(blob, uniform(0, 1, 1, 1, 3), image)
    return image

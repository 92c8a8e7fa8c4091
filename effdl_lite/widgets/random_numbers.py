"""Random numbers that Python and JavaScript share, so that a figure and its test see the same draws."""

import numpy as np


def random_numbers(seed: int, number: int) -> np.ndarray:
    """The first numbers in 0..1 of the stream of a seed: Mulberry32 by Tommy Ettinger, which needs 32-bit words only.

    Returns:
        float64 [number]; the same as `random(seed, 0)`, `random(seed, 1)`, ... in random_numbers.js.
    """
    t = np.arange(1, number + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5) + np.uint32(seed)
    t = (t ^ (t >> np.uint32(15))) * (t | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    return (t ^ (t >> np.uint32(14))) / 2.0**32

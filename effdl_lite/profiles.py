"""How long a notebook may take: the environment variable ``EFFDL_PROFILE``.

* ``quick``      at most 60 s a notebook on two cores; the default
* ``laptop``     at most 15 minutes
* ``reference``  what ``experiments/`` runs for the book
* ``full``       the setting of the paper, on a GPU or several machines
"""

import os
from typing import TypeVar

PROFILES = ("quick", "laptop", "reference", "full")

Value = TypeVar("Value")


def current() -> str:
    """The profile in force, one of `PROFILES`.

    Raises:
        ValueError: if ``EFFDL_PROFILE`` is set to something else.
    """
    profile = os.environ.get("EFFDL_PROFILE") or "quick"
    if profile not in PROFILES:
        raise ValueError(f"EFFDL_PROFILE is {profile!r}; choose one of {', '.join(PROFILES)}")
    return profile


def choose(**values: Value) -> Value:
    """The value of the current profile; a profile left out takes that of the next smaller one that is given.

    Example: ``epochs = choose(quick=1, reference=20)`` is 1 under quick and laptop, 20 under reference and full.

    Raises:
        ValueError: if a name is not a profile, or if no value is given for the current profile or a smaller one.
    """
    for name in values:
        if name not in PROFILES:
            raise ValueError(f"{name!r} is not a profile; choose among {', '.join(PROFILES)}")
    profile = current()
    for name in reversed(PROFILES[: PROFILES.index(profile) + 1]):
        if name in values:
            return values[name]
    raise ValueError(f"no value for the profile {profile!r} or a smaller one; give quick=...")

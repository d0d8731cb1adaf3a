"""What every synthetic row bears, and the random numbers that belong to a name."""

from __future__ import annotations

import zlib

import numpy as np

MARK = "SYN-"  # with which every synthetic id begins


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return the generator of what bears these names."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


def numbered(prefix: str, count: int, *, digits: int = 1) -> list[str]:
    """Return synthetic ids from 1 to count, all of one length, which is at least `digits`."""
    digits = max(digits, len(str(count)))
    return [f"{MARK}{prefix}{number:0{digits}d}" for number in range(1, count + 1)]

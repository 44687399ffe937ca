"""The table of tanh by its turns, a byte each: for code that is small rather than fast.

Node k + 1 is node k plus a rise, each rise is the one before less a fall, and each fall is the one before plus a turn.
"""

from __future__ import annotations

import numpy as np

from .arithmetic import TANH_SEGMENTS, tanh_table

SEGMENT_BITS = (TANH_SEGMENTS - 1).bit_length()


def tanh_turns() -> tuple[int, np.ndarray]:
    """The first rise, and the turns of the segments behind it, int8 (segments - 1,); no fall is before the first."""
    rises = np.diff(tanh_table().astype(np.int64))
    turns = np.diff(-np.diff(rises), prepend=0)
    if np.abs(turns).max() > np.iinfo(np.int8).max:
        raise ValueError(f"a turn of tanh is {int(np.abs(turns).max())}; a byte holds {np.iinfo(np.int8).max}")
    return int(rises[0]), turns.astype(np.int8)


def saturates(fraction_bits: int) -> bool:
    """Whether the end of the last segment rounds to the last node, so that larger codes may be limited to it."""
    rise, full = int(np.diff(tanh_table())[-1]), 1 << fraction_bits
    return (rise * (full - 1) + (full >> 1)) >> fraction_bits == rise

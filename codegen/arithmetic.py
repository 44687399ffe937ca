"""The arithmetic of docs/numerics.md, one numpy function per rule. Slow, plain and final.

All functions take and return arrays and work elementwise; integers are int64 inside, so that nothing
here can overflow before the bounds of `bounds.py` are checked.
"""

from __future__ import annotations

import math

import numpy as np

TANH_SEGMENTS = 32
TANH_SEGMENT_EXPONENT = -3
ACTION_EXPONENT = -15


def quantise(observation: np.ndarray, gain: np.ndarray, offset: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of float32 observations and the mask of values that were not finite (their code is 0).

    The product and the sum are rounded to float32 one after the other, without contraction.
    """
    finite = np.isfinite(observation)
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.where(finite, observation, np.float32(0)) * gain + offset
    if scaled.dtype != np.float32:
        raise TypeError(f"observation, gain and offset give {scaled.dtype}; all three must be float32")
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    codes = np.floor(np.clip(scaled, np.float32(low), np.float32(high))).astype(np.int64)
    return np.where(finite, codes, 0), ~finite


def requantise(accumulator: np.ndarray, shift: np.ndarray, low: int, high: int) -> np.ndarray:
    """Round half up, floor((a + 2**(shift-1)) / 2**shift), then saturate to [low, high]."""
    half = np.left_shift(np.int64(1), shift.astype(np.int64)) >> 1
    return np.clip(np.right_shift(accumulator + half, shift), low, high)


def tanh_table() -> np.ndarray:
    """The 33 nodes of tanh on [0, 4], int16 in units of 2**-15.

    Chords of a concave function lie below it; lifting each node by half of the chord's error,
    -h**2/16 * tanh'', halves the largest error to 0.0008.
    """
    width = 2.0**TANH_SEGMENT_EXPONENT
    nodes = [math.tanh(width * k) for k in range(TANH_SEGMENTS + 1)]
    lifted = [t + width * width / 16 * 2 * t * (1 - t * t) for t in nodes]
    return np.array([round(value * 2**-ACTION_EXPONENT) for value in lifted], dtype=np.int16)


def tanh(code: np.ndarray, exponent: int) -> np.ndarray:
    """Action codes of pre-activation codes (units of 2**exponent): odd, piecewise linear."""
    table = tanh_table().astype(np.int64)
    fraction_bits = TANH_SEGMENT_EXPONENT - exponent
    magnitude = np.abs(code)
    segment = np.minimum(magnitude >> fraction_bits, TANH_SEGMENTS)
    fraction = magnitude & ((1 << fraction_bits) - 1)
    left, right = table[segment], table[np.minimum(segment + 1, TANH_SEGMENTS)]
    value = left + (((right - left) * fraction + (1 << fraction_bits >> 1)) >> fraction_bits)
    return np.where(code < 0, -value, value)


def clip(code: np.ndarray, exponent: int) -> np.ndarray:
    """Action codes of pre-activation codes (units of 2**exponent): the value, limited to [-1, 1)."""
    return np.clip(np.left_shift(code, exponent - ACTION_EXPONENT), -(1 << 15), (1 << 15) - 1)


def affine(code: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Float32 actions of action codes; product and sum rounded one after the other."""
    with np.errstate(over="ignore", under="ignore"):
        return code.astype(np.float32) * gain + offset

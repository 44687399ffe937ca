"""Golomb-Rice codes: a quotient in unary, a remainder in k bits (Rice and Plaunt, IEEE Trans. Commun. 19(6), 1971).

A value u is u >> k zero bits, a one, and the low k bits of u, the highest first. Bytes are filled from their
highest bit on. Signed values are folded onto 0, 1, 2, ... as -1, 0, -2, 1, ... first.
"""

from __future__ import annotations

import numpy as np

MAX_PARAMETER = 31
WINDOW_BITS = 25
_WINDOW_BYTES = 4


class BitWriter:
    """Collects codes. `longest_bits` is the length of the longest so far."""

    def __init__(self) -> None:
        self._codes: list[str] = []
        self.longest_bits = 0

    def write(self, value: int, parameter: int) -> None:
        """Append the code of `value`, not negative."""
        remainder = f"{value & ((1 << parameter) - 1):0{parameter}b}" if parameter else ""
        self._codes.append("0" * (value >> parameter) + "1" + remainder)
        self.longest_bits = max(self.longest_bits, len(self._codes[-1]))

    def to_bytes(self) -> bytes:
        """All codes so far, padded with zeros so that four bytes can be read from where the last code begins."""
        bits = "".join(self._codes)
        last_byte = (len(bits) - len(self._codes[-1])) // 8 if self._codes else -_WINDOW_BYTES
        count = max(-(-len(bits) // 8), last_byte + _WINDOW_BYTES)
        return int(bits.ljust(8 * count, "0") or "0", 2).to_bytes(count, "big")


class BitReader:
    """Reads back what a BitWriter wrote; the caller knows how many codes there are and their parameters."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._position = 0

    def read(self, parameter: int) -> int:
        """The next value."""
        quotient = 0
        while not self._bit():
            quotient += 1
        value = quotient
        for _ in range(parameter):
            value = 2 * value + self._bit()
        return value

    def _bit(self) -> int:
        byte = self._stream[self._position >> 3]
        bit = byte >> (7 - (self._position & 7)) & 1
        self._position += 1
        return bit


def fold(values: np.ndarray) -> np.ndarray:
    """Signed integers as 0, 1, 2, ...: v as 2v + 1 where it is not negative, else as -2v - 2."""
    values = values.astype(np.int64)
    return np.where(values < 0, -2 * values - 2, 2 * values + 1)


def unfold(code: int) -> int:
    """The inverse of `fold` for one value."""
    return code >> 1 if code & 1 else ~(code >> 1)


def cost_bits(values: np.ndarray, parameter: int) -> int:
    """Length of all codes together."""
    return int((values >> parameter).sum()) + len(values) * (1 + parameter)


def best_parameter(values: np.ndarray) -> int:
    """The parameter with the shortest codes for int64 `values` in total, the smallest of several.

    One with no code beyond WINDOW_BITS is preferred: four bytes from the byte in which a code begins hold
    all of it, and a decoder needs no more than one load.
    """
    largest = int(values.max(initial=0))
    parameters = range(MAX_PARAMETER + 1)
    fitting = [k for k in parameters if (largest >> k) + 1 + k <= WINDOW_BITS]
    return min(fitting or parameters, key=lambda parameter: cost_bits(values, parameter))

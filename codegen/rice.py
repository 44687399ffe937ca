"""Golomb-Rice codes: a quotient in unary, a remainder in k bits (Rice and Plaunt, IEEE Trans. Commun. 19(6), 1971).

A value u is u >> k zero bits, a one, and the low k bits of u, the highest first. Bytes are filled from their
highest bit on. Signed values are folded onto 0, 1, 2, ... as 0, -1, 1, -2, ... first.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

MAX_PARAMETER = 32


class BitWriter:
    """Collects codes; `to_bytes` pads the last byte with zeros."""

    def __init__(self) -> None:
        self._codes: list[str] = []

    def write(self, value: int, parameter: int) -> None:
        """Append the code of `value`, not negative."""
        remainder = f"{value & ((1 << parameter) - 1):0{parameter}b}" if parameter else ""
        self._codes.append("0" * (value >> parameter) + "1" + remainder)

    def to_bytes(self) -> bytes:
        """All codes so far."""
        bits = "".join(self._codes)
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


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
    """Signed integers as 0, 1, 2, ...: v as 2v, and -v as 2v - 1."""
    values = values.astype(np.int64)
    return np.where(values < 0, -2 * values - 1, 2 * values)


def unfold(code: int) -> int:
    """The inverse of `fold` for one value."""
    return ~(code >> 1) if code & 1 else code >> 1


def cost_bits(values: np.ndarray, parameter: int) -> int:
    """Length of all codes together."""
    return int((values >> parameter).sum()) + len(values) * (1 + parameter)


def best_parameter(values: Iterable[int] | np.ndarray) -> int:
    """The smallest of the parameters that make the codes of `values` shortest."""
    array = np.asarray(values, np.int64)
    return min(range(MAX_PARAMETER), key=lambda parameter: cost_bits(array, parameter))

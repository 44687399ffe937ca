"""Bit fields of any width, one behind another, the lowest bit of a byte first, and distances in fields.

A distance, 1 or more, is one field, or fields of one width of which each that is 0 stands for the largest distance of
one field and says that another follows: short distances take one field, and none is too long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_DISTANCE_BITS = 16
"""The widest field of a distance, so that one with a weight before it fits a word."""

ESCAPE_CODE_BYTES = 20
"""What a decoder takes more where distances can have more than one field."""


@dataclass(frozen=True)
class Width:
    """How distances are written: in fields of `bits`, only one each unless there are `escapes`. Without bits, each
    distance is 1 and takes nothing."""

    bits: int
    escapes: bool

    @property
    def longest(self) -> int:
        """The largest distance of one field."""
        return (1 << self.bits) - 1

    def cost_bits(self, distances: np.ndarray) -> int:
        """Length of all `distances`, int64, and of the code that escapes take."""
        if not self.escapes:
            return len(distances) * self.bits
        return int(((distances - 1) // self.longest + 1).sum()) * self.bits + 8 * ESCAPE_CODE_BYTES


def best_width(distances: np.ndarray, unit_bits: int = 1) -> Width:
    """How int64 `distances` take the fewest bits, code for escapes included, in multiples of `unit_bits`."""
    largest = int(distances.max(initial=1))
    if largest == 1:
        return Width(0, False)
    enough = -(-largest.bit_length() // unit_bits) * unit_bits
    widths = [Width(enough, False)] if enough <= MAX_DISTANCE_BITS else []
    widths += [Width(bits, True) for bits in range(unit_bits, min(enough, MAX_DISTANCE_BITS + 1), unit_bits)]
    return min(widths, key=lambda width: width.cost_bits(distances))


class FieldWriter:
    """Collects fields."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._last, self._last_bits = 0, 0

    def write(self, value: int, bits: int) -> None:
        """Append one field; `value` is 0 to 2**bits - 1."""
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit a field of {bits} bits")
        self._last |= value << self._last_bits
        self._last_bits += bits
        while self._last_bits >= 8:
            self._bytes.append(self._last & 255)
            self._last >>= 8
            self._last_bits -= 8

    def write_distance(self, distance: int, width: Width) -> None:
        """Append a distance."""
        while width.escapes and distance > width.longest:
            self.write(0, width.bits)
            distance -= width.longest
        if width.bits:
            self.write(distance, width.bits)

    def to_bytes(self) -> bytes:
        """All fields so far."""
        return bytes(self._bytes) + self._last.to_bytes(-(-self._last_bits // 8), "little")


class FieldReader:
    """Reads back what a FieldWriter wrote; the caller knows the widths."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def read(self, bits: int) -> int:
        """The next field."""
        first, end = self._position // 8, -(-(self._position + bits) // 8)
        word = int.from_bytes(self._content[first:end], "little") >> (self._position % 8)
        self._position += bits
        return word & ((1 << bits) - 1)

    def read_distance(self, width: Width) -> int:
        """The next distance."""
        if not width.bits:
            return 1
        skipped = 0
        while not (field := self.read(width.bits)):
            skipped += width.longest
        return skipped + field

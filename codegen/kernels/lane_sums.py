"""How the products of two rows get into one accumulator of two lanes: by which instructions, with which weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..policy import Linear
from ..thumb.matching import FORBIDDEN, match
from ..thumb.operation import Memory, Value

_WORD_CYCLES = 4
_HALF_RANGE = 1 << 15


@dataclass(frozen=True)
class Half:
    """One 16-bit half of a word in memory."""

    word: Memory
    top: bool


Weights = Mapping[Value, int]
Halves = tuple[Memory, int, int]
"""A word, and the weights of its lower and upper half."""


@dataclass(frozen=True)
class PairSum:
    """Products of a low and a high row, each in one group.

    `together`: values times a weight of both lanes, modulo 2**32. `low` and `high`: values times a 16-bit weight of one
    row; `low_halves` and `high_halves`: both halves of a word at once. The high row's groups are summed apart and added
    to the upper lane; they are empty where `together` is no slower.
    """

    together: tuple[tuple[Value, int], ...]
    low: tuple[tuple[Value, int], ...]
    low_halves: tuple[Halves, ...]
    high: tuple[tuple[Value, int], ...]
    high_halves: tuple[Halves, ...]

    @property
    def reads(self) -> list[Value]:
        """What is read, each value once."""
        groups = (*self.together, *self.low, *self.low_halves, *self.high, *self.high_halves)
        return list(dict.fromkeys(group[0] for group in groups))


def pair_columns(layer: Linear) -> list[tuple[int, int]]:
    """Disjoint pairs of columns of `layer` that so many rows read together that a word of both pays for being made."""
    used = (layer.weights != 0).astype(np.int64)
    score = used.T @ used - _WORD_CYCLES
    return match(np.where(score > 0, score, FORBIDDEN))


def pair_sum(low: Weights, high: Weights, words: Sequence[tuple[Memory, Value, Value]]) -> PairSum:
    """The cheapest groups for rows with weights `low` and `high`; `words` are of two values each, the lower first."""
    apart = _groups(low, high, words, True)
    together = _groups(low, high, words, False)
    return min(together, apart, key=_cycles)


def _groups(low: Weights, high: Weights, words: Sequence[tuple[Memory, Value, Value]], apart: bool) -> PairSum:
    low_halves, high_halves, low, high = [], [], dict(low), dict(high)
    for word, first, second in words:
        shared = sum(value in low and value in high for value in (first, second))
        if apart and shared in (0, 2) and _both(high, first, second):
            high_halves.append((word, high.pop(first), high.pop(second)))
        if (shared == 0 or (apart and shared == 2)) and _both(low, first, second):
            low_halves.append((word, low.pop(first), low.pop(second)))
    alone = {value: w for value, w in low.items() if value not in high and _is_half(w) and not _is_power_of_two(w)}
    upper = {value: w for value, w in high.items() if apart and value not in low and _is_half(w)}
    together = {
        value: _signed(low.get(value, 0) + (high.get(value, 0) << 16))
        for value in (*low, *(value for value in high if value not in low))
        if value not in alone and value not in upper
    }
    groups = (together, alone, upper)
    together, alone, upper = (tuple(group.items()) for group in groups)
    return PairSum(together, alone, tuple(low_halves), upper, tuple(high_halves))


def _cycles(found: PairSum) -> float:
    """Multiplications, weights (two to a word where they are halves) and the addition of the high row."""
    words = len(found.together) + len(found.low_halves) + len(found.high_halves)
    return 2 * words + 1.5 * (len(found.low) + len(found.high)) + bool(found.high or found.high_halves)


def _both(weights: Weights, first: Value, second: Value) -> bool:
    return all(value in weights and _is_half(weights[value]) for value in (first, second))


def _is_half(weight: int) -> bool:
    return -_HALF_RANGE <= weight < _HALF_RANGE


def _is_power_of_two(weight: int) -> bool:
    return abs(weight) & (abs(weight) - 1) == 0


def _signed(word: int) -> int:
    """`word` modulo 2**32 as a signed number."""
    return (word + (1 << 31)) % (1 << 32) - (1 << 31)

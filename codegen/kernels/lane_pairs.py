"""Which two rows share an accumulator: those that two 16-bit lanes hold exactly, chosen for what they share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..policy import Linear
from ..thumb.matching import FORBIDDEN, match
from .straight import half

_LANE = 1 << 15
_BYTE = 8
_LOST_SHIFT = 1.0
_SHARED_ACCUMULATOR = 2.0
_SHARED_WORD, _SHARED_OUTPUT = 1.0, 1.0


@dataclass(frozen=True)
class LanePair:
    """Two rows in one accumulator, and how their sums become codes.

    Weights and biases are shifted left by `scale`; after the ReLU the lanes are doubled `doublings` times, saturating.
    Then the code is the upper byte where `bytewise`, else the lane shifted right by `shift`.
    """

    rows: tuple[int, int]
    scale: int
    doublings: int
    bytewise: bool
    shift: int


def pair_rows(
    layer: Linear, bounds: LayerBounds, reader: Linear, shared_input: float = 1.6, shared_reader: float = 2.3
) -> list[LanePair]:
    """Disjoint pairs of rows of `layer`, which `reader` reads; rows that fit no lane are in none.

    A finished sum with its rounding half must lie in [-2**15, 2**15 - 1] by its proved interval. `shared_input` and
    `shared_reader` are the cycles that an input of both rows and a reader of both count for.
    """
    low, high = bounds.accumulator.low + half(layer), bounds.accumulator.high + half(layer)
    room = np.array([_room(int(a), int(b)) for a, b in zip(low, high, strict=True)], np.int64)
    fits = room >= 0
    allowed = fits[:, None] & fits[None, :] & (layer.shifts[:, None] == layer.shifts[None, :])
    pairs = match(np.where(allowed, _score(layer, reader, shared_input, shared_reader), FORBIDDEN))
    return [_lane_pair(_turned(pair, layer), layer, int(min(room[list(pair)]))) for pair in pairs]


def _turned(pair: tuple[int, int], layer: Linear) -> tuple[int, int]:
    """The row with more inputs of its own comes first: in the low lane their weights can be halves of a word."""
    first, second = (np.count_nonzero(layer.weights[row]) for row in pair)
    return pair if first >= second else (pair[1], pair[0])


def pair_readers(layer: Linear, output: Linear, words: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pairs of rows of `layer` that read the same `words` (one for each column) and feed the same rows of `output`.

    Two rows that share n > 1 outputs are packed for one instruction and save n.
    """
    index = {word: number for number, word in enumerate(dict.fromkeys(words))}
    used = np.zeros((layer.rows, max(1, len(index))), np.int64)
    for column, word in enumerate(words):
        used[:, index[word]] |= layer.weights[:, column] != 0
    feeds = (output.weights != 0).astype(np.int64)
    score = _SHARED_WORD * (used @ used.T) + _SHARED_OUTPUT * np.maximum(0, feeds.T @ feeds - 1)
    return match(np.where(score > 0, score, FORBIDDEN))


def _room(low: int, high: int) -> int:
    """Left shifts, at most 8, that keep [low, high] inside a signed lane; -1 when it does not fit at all."""
    return max((k for k in range(_BYTE + 1) if low << k >= -_LANE and high << k < _LANE), default=-1)


def _lane_pair(rows: tuple[int, int], layer: Linear, room: int) -> LanePair:
    shift = int(layer.shifts[rows[0]])
    if layer.output_bits != _BYTE or shift > _BYTE:
        return LanePair(rows, 0, 0, False, shift)
    scale = min(_BYTE - shift, room)
    return LanePair(rows, scale, _BYTE - shift - scale, True, shift)


def _score(layer: Linear, reader: Linear, shared_input: float, shared_reader: float) -> np.ndarray:
    """What each pair of rows saves: a bias, a ReLU and a store, a multiplication for an input of both, another for a
    reader of both; an input of both is no longer a mere shift where one weight was a power of two."""
    used, read = (layer.weights != 0).astype(np.int64), (reader.weights != 0).astype(np.int64)
    magnitude = np.abs(layer.weights.astype(np.int64))
    shifted = used * ((magnitude & (magnitude - 1)) == 0)
    lost = shifted @ used.T
    return (
        _SHARED_ACCUMULATOR
        + shared_input * (used @ used.T)
        + shared_reader * (read.T @ read)
        - _LOST_SHIFT * (lost + lost.T) / 2
    )

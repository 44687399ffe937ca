"""Interval arithmetic on the actual weights: what every accumulator and every code can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arithmetic import requantise
from .policy import ACCUMULATOR_BITS, Linear, Policy, PolicyError

FLOAT32_EXACT_BITS = 24


@dataclass(frozen=True, eq=False)
class Interval:
    """Elementwise closed interval of integers: `low` and `high` are int64 of shape (n,)."""

    low: np.ndarray
    high: np.ndarray

    @property
    def magnitude(self) -> np.ndarray:
        """Largest absolute value, shape (n,)."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def reordered(self, order: np.ndarray) -> Interval:
        """The same elements in `order`."""
        return Interval(self.low[order], self.high[order])

    @property
    def constant(self) -> np.ndarray:
        """Which elements have one possible value only, bool (n,)."""
        return self.low == self.high


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """What is proved about one layer, row by row.

    `worst` int64 (rows,) bounds the magnitude of every partial sum in any order of summation, the rounding
    half included; `accumulator` holds the finished sums (without the half) and `output` the codes.
    """

    worst: np.ndarray
    accumulator: Interval
    output: Interval

    def reordered(self, order: np.ndarray) -> LayerBounds:
        """The bounds of the same rows in `order`."""
        return LayerBounds(self.worst[order], self.accumulator.reordered(order), self.output.reordered(order))

    @property
    def float32_exact(self) -> bool:
        """Whether float32 training arithmetic computes the same integers: every sum stays below 2**24."""
        return bool((self.worst < 1 << FLOAT32_EXACT_BITS).all())


def prove_bounds(policy: Policy) -> tuple[LayerBounds, ...]:
    """Bounds of every layer; PolicyError names the first row that could overflow its accumulator."""
    low, high = policy.observation.code_range
    inputs = Interval(np.full(policy.features, low, np.int64), np.full(policy.features, high, np.int64))
    proved: list[LayerBounds] = []
    for index, layer in enumerate(policy.layers):
        bounds = _layer_bounds(layer, inputs)
        _refuse_overflow(index, bounds.worst)
        proved.append(bounds)
        inputs = bounds.output
    return tuple(proved)


def _layer_bounds(layer: Linear, inputs: Interval) -> LayerBounds:
    weights, bias = layer.weights.astype(np.int64), layer.bias.astype(np.int64)
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    accumulator = Interval(
        bias + positive @ inputs.low + negative @ inputs.high,
        bias + positive @ inputs.high + negative @ inputs.low,
    )
    half = np.left_shift(np.int64(1), layer.shifts.astype(np.int64)) >> 1
    worst = np.abs(bias) + half + np.abs(weights) @ inputs.magnitude
    output = Interval(
        requantise(accumulator.low, layer.shifts, *layer.output_range),
        requantise(accumulator.high, layer.shifts, *layer.output_range),
    )
    return LayerBounds(worst, accumulator, output)


def _refuse_overflow(index: int, worst: np.ndarray) -> None:
    limit = 1 << (ACCUMULATOR_BITS - 1)
    too_large = np.flatnonzero(worst >= limit)
    if len(too_large):
        row = int(too_large[0])
        raise PolicyError(
            f"layer {index}, row {row}: the accumulator can reach {int(worst[row])}, allowed is less than {limit}; "
            "use a larger weight exponent for this row (smaller integers), a smaller bias or fewer activation bits"
        )

"""Fixed-point types that hold the policy's integers exactly, in hls4ml's notation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganglion.codegen.policy import Linear


@dataclass(frozen=True)
class Fixed:
    """`bits` bits in units of 2**exponent; `rounds` for round half up and saturation on the way in."""

    bits: int
    exponent: int
    signed: bool = True
    rounds: bool = False

    @property
    def text(self) -> str:
        """As hls4ml writes it: fixed<W,I> with I bits, the sign included, above the point."""
        modes = ",RND,SAT" if self.rounds else ""
        return f"{'' if self.signed else 'u'}fixed<{self.bits},{self.bits + self.exponent}{modes}>"


@dataclass(frozen=True)
class LayerTypes:
    """Types of one layer: its constants, its sums, and what leaves it."""

    weight: Fixed
    bias: Fixed
    accumulator: Fixed
    output: Fixed


def layer_types(layer: Linear, input_low: int, input_high: int) -> LayerTypes:
    """Types of `layer` whose input codes lie in [input_low, input_high].

    Rows have exponents of their own: weights, biases and sums are all told in units of the finest row.
    """
    finest = int(layer.weight_exponents.min())
    scale = 1 << (layer.weight_exponents.astype(np.int64) - finest).astype(object)
    weights = layer.weights.astype(object) * scale[:, None]
    biases = layer.bias.astype(object) * scale
    largest = max(abs(input_low), abs(input_high))
    sums = int((np.abs(weights).sum(axis=1) * largest + abs(biases)).max())
    unit = finest + layer.input_exponent
    return LayerTypes(
        weight=Fixed(_signed_bits(weights.min(), weights.max()), finest),
        bias=Fixed(_signed_bits(biases.min(), biases.max()), unit),
        accumulator=Fixed(sums.bit_length() + 1, unit),
        output=Fixed(layer.output_bits, layer.output_exponent, signed=not layer.relu, rounds=True),
    )


def _signed_bits(low: int, high: int) -> int:
    return max(int(high).bit_length(), (-1 - int(low)).bit_length() if low < 0 else 0) + 1

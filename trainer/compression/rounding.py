"""Round the weights of all layers of a network in one go.

`SparseLayer.rounded` does it layer by layer. At this size a call costs more than its arithmetic, so that the exponents
of all rows are worked out side by side here, and all codes in one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from .layers import SparseLinear


class JointRounding:
    """Rounds the weights and biases of `layers` to the integers that each layer's `rounded` gives, times their units.

    `weights` and `biases` hold those of all layers end to end, masked, and nothing else.
    """

    def __init__(self, layers: Sequence[SparseLinear], weights: torch.Tensor, biases: torch.Tensor) -> None:
        self._weights, self._biases, self._sizes = weights, biases, torch.empty_like(weights)
        self._matrices, self._size_matrices = _matrices(layers, weights), _matrices(layers, self._sizes)
        self._rows = [layer.out_features for layer in layers]
        quantisers = [layer.quantiser for layer in layers]
        inputs = self._by_row([quantiser.input_exponent for quantiser in quantisers])
        outputs = self._by_row([quantiser.output_exponent for quantiser in quantisers])
        self._quantiser = replace(quantisers[0], input_exponent=inputs, output_exponent=outputs)
        self._input_units = torch.ldexp(torch.ones_like(biases), inputs)

    def round(self) -> None:
        """Replace what lies in `weights` and `biases` by its rounded value."""
        torch.abs(self._weights, out=self._sizes)
        largest = torch.cat([sizes.amax(dim=1) for sizes in self._size_matrices])
        exponents = self._quantiser.row_exponents(largest, self._biases)
        units = torch.ldexp(torch.ones_like(largest), exponents)
        limit = (1 << (self._quantiser.weight_bits - 1)) - 1
        self._scale(units.reciprocal())
        self._weights.add_(0.5).floor_().clamp_(-limit, limit)
        self._scale(units)
        codes = self._quantiser.bias_codes(self._biases, exponents)
        torch.mul(codes, units.mul_(self._input_units), out=self._biases)

    def _scale(self, factors: torch.Tensor) -> None:
        for matrix, rows in zip(self._matrices, factors.split(self._rows), strict=True):
            matrix.mul_(rows[:, None])

    def _by_row(self, exponents: Sequence[int]) -> torch.Tensor:
        return torch.tensor(exponents).repeat_interleave(torch.tensor(self._rows))


def rounds_jointly(layers: Sequence[SparseLinear]) -> bool:
    """Whether `JointRounding` knows these layers: integer ones of one width in bits, every row with its own exponent,
    all sums exact in float32."""
    widths = {_joint_bits(layer) for layer in layers}
    return len(widths) == 1 and None not in widths


def _joint_bits(layer: SparseLinear) -> int | None:
    quantiser = layer.quantiser
    if quantiser is None or not quantiser.rounds_weights or quantiser.powers_of_two or not quantiser.per_row:
        return None
    return quantiser.weight_bits if quantiser.always_fits_float32(inputs=layer.in_features) else None


def _matrices(layers: Sequence[SparseLinear], vector: torch.Tensor) -> list[torch.Tensor]:
    parts = vector.split([layer.weight.numel() for layer in layers])
    return [part.view_as(layer.weight) for part, layer in zip(parts, layers, strict=True)]

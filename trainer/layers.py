"""A linear layer that can be sparse and can compute in the integers of docs/numerics.md.

It takes over the parameters of a `torch.nn.Linear`, so that names, optimisers and saved files stay the same.
Rounding passes gradients straight through (Bengio et al. 2013, arXiv 1308.3432); saturation and masks do not.
Quantised, every value is a multiple of a power of two, so float32 computes the very integers that the device computes,
as long as sums stay below 2**24 units; layers beyond that are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

SMALLEST_WEIGHT_EXPONENT = -14
BIAS_BITS = 22  # rows are scaled so that biases stay below 2**22 units
EXACT_FLOAT32 = 2**24


@dataclass
class ObservationQuantiser:
    """Observations to codes, times the code's unit: saturate(floor(x * gain + offset)) * 2**(1 - bits)."""

    gain: torch.Tensor
    offset: torch.Tensor
    bits: int

    @property
    def exponent(self) -> int:
        """Exponent of a code."""
        return 1 - self.bits

    def __call__(self, observation: torch.Tensor) -> torch.Tensor:
        limit = 1 << (self.bits - 1)
        scaled = observation.float() * self.gain + self.offset
        return torch.floor(scaled.clamp(-limit, limit - 1)) * 2.0**self.exponent


@dataclass
class Quantiser:
    """How a layer rounds. Exponents are base 2; `output_bits` is unsigned for hidden layers, signed for the last;
    `per_row` gives every row of weights its own exponent, otherwise the layer shares one (the paper's "layerwise")."""

    input_exponent: int
    input_bits: int
    output_exponent: int
    output_bits: int
    relu: bool
    weight_bits: int = 8
    per_row: bool = True
    observation: ObservationQuantiser | None = None

    @property
    def output_range(self) -> tuple[int, int]:
        """Smallest and largest output code."""
        if self.relu:
            return 0, (1 << self.output_bits) - 1
        return -(1 << (self.output_bits - 1)), (1 << (self.output_bits - 1)) - 1

    def weight_exponents(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """The smallest exponents, int64 (rows,), that clip neither weights nor bias and leave a shift to the right."""
        exponents = weight_exponents(weight.abs().amax(dim=1), self.weight_bits)
        exponents = torch.maximum(exponents, torch.frexp(bias)[1].long() - BIAS_BITS - self.input_exponent)
        exponents = exponents if self.per_row else exponents.amax().expand(len(weight))
        return exponents.clamp(max=self.output_exponent - self.input_exponent)

    def weight_codes(self, weight: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
        """Integer weights as float32, same shape."""
        limit = (1 << (self.weight_bits - 1)) - 1
        return _round_half_up(torch.ldexp(weight, -exponents[:, None])).clamp(-limit, limit)

    def round_output(self, sums: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rounded and saturated outputs, float32, and where they were not saturated."""
        low, high = self.output_range
        codes = sums * 2.0**-self.output_exponent
        rounded = torch.floor(codes + 0.5).clamp_(low, high)
        return rounded.mul_(2.0**self.output_exponent).float(), (codes >= low) & (codes <= high)

    def bias_codes(self, bias: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
        """Integer biases in units of the accumulator, as float32."""
        limit = 1 << BIAS_BITS
        return _round_half_up(torch.ldexp(bias, -(exponents + self.input_exponent))).clamp(-limit, limit)


class SparseLinear(nn.Linear):
    """`torch.nn.Linear` with a mask of shape (rows, columns) and, once `quantiser` is set, integer arithmetic."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("mask", torch.ones_like(linear.weight), persistent=False)
        self.quantiser: Quantiser | None = None
        self._cache: tuple[tuple[int, int, int], torch.Tensor, torch.Tensor] | None = None

    @property
    def nonzeros(self) -> int:
        """Number of weights that the mask keeps."""
        return int(self.mask.sum())

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs (batch, rows) of inputs (batch, columns)."""
        if self.quantiser is not None and self.quantiser.observation is not None:
            values = self.quantiser.observation(values)
        weight, bias = self.in_use()
        sums = nn.functional.linear(
            values.to(weight.dtype),
            _StraightThrough.apply(self.weight, weight, self.mask),
            _StraightThrough.apply(self.bias, bias, None),
        )
        return sums if self.quantiser is None else _RoundOutput.apply(sums, self.quantiser)

    def codes(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Integer weights (rows, columns), biases (rows,) and weight exponents (rows,) as they would be exported."""
        with torch.no_grad():
            weight = self.weight * self.mask
            exponents = self.quantiser.weight_exponents(weight, self.bias)
            return (
                self.quantiser.weight_codes(weight, exponents),
                self.quantiser.bias_codes(self.bias, exponents),
                exponents,
            )

    def in_use(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights (rows, columns) and biases (rows,) that the layer computes with, masked and rounded; no gradient."""
        version = (self.weight._version, self.bias._version, self.mask._version)
        if self._cache is None or self._cache[0] != version:
            self._cache = (version, *(self._masked() if self.quantiser is None else self._rounded()))
        return self._cache[1], self._cache[2]

    def _masked(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.weight.detach() * self.mask, self.bias.detach()

    def _rounded(self) -> tuple[torch.Tensor, torch.Tensor]:
        weight, bias, exponents = self.codes()
        largest_sum = (weight.abs().sum(dim=1) * 2.0**self.quantiser.input_bits + bias.abs()).max()
        dtype = torch.float32 if largest_sum < EXACT_FLOAT32 else torch.float64
        weight = torch.ldexp(weight, exponents[:, None]).to(dtype)
        return weight, torch.ldexp(bias, exponents + self.quantiser.input_exponent).to(dtype)

    def set_quantiser(self, quantiser: Quantiser | None) -> None:
        """Switch integer arithmetic on, or off with None."""
        self.quantiser, self._cache = quantiser, None


def _raise_versions(optimizer: torch.optim.Optimizer, *_) -> None:
    if optimizer.defaults.get("fused"):
        torch.autograd.graph.increment_version([p for group in optimizer.param_groups for p in group["params"]])


# Fused optimisers change parameters without raising their versions, by which layers tell that they must round again.
register_optimizer_step_post_hook(_raise_versions)


def weight_exponents(largest: torch.Tensor, bits: int) -> torch.Tensor:
    """The smallest exponents e, from -14 on, with largest <= (2**(bits-1) - 1) * 2**e, int64."""
    mantissa, exponent = torch.frexp(largest / ((1 << (bits - 1)) - 1))
    exponent = exponent.long() - (mantissa == 0.5).long()
    return exponent.clamp(min=SMALLEST_WEIGHT_EXPONENT)


def _round_half_up(values: torch.Tensor) -> torch.Tensor:
    return torch.floor(values + 0.5)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: torch.Tensor, rounded: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        ctx.mask = mask
        return rounded.view_as(rounded)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        gradient = gradient.float()
        return (gradient if ctx.mask is None else gradient * ctx.mask), None, None


class _RoundOutput(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sums: torch.Tensor, quantiser: Quantiser) -> torch.Tensor:
        rounded, inside = quantiser.round_output(sums)
        ctx.save_for_backward(inside)
        return rounded

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        (inside,) = ctx.saved_tensors
        return gradient * inside, None

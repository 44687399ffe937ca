"""Layers that can be sparse and can compute in the integers of docs/numerics.md.

They take over the parameters of `torch.nn.Linear` (and, in convolution.py, `torch.nn.Conv2d`), so that names,
optimisers and saved files stay the same.
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
_HALF = torch.tensor(0.5)


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


@dataclass(frozen=True)
class Rounding:
    """Values to codes of `bits` in units of 2**exponent, unsigned or signed: round half up, then saturate."""

    exponent: int
    bits: int
    unsigned: bool

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest code."""
        if self.unsigned:
            return 0, (1 << self.bits) - 1
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    def round(self, values: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The codes times their unit, float32; written to `out` where that is given."""
        inplace = out if values.dtype == torch.float32 else None
        codes = torch.add(_HALF, values, alpha=2.0**-self.exponent, out=inplace)
        codes = codes.floor_().clamp_(*self.range).mul_(2.0**self.exponent)
        return codes.float() if out is None or codes is out else out.copy_(codes)

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """`round`, with gradients straight through where nothing saturates."""
        return _Round.apply(values, self)


@dataclass
class Quantiser:
    """How a layer rounds. Exponents are base 2; `output_bits` is unsigned for hidden layers, signed for the last;
    `per_row` gives every row of weights its own exponent, otherwise the layer shares one (the paper's "layerwise");
    `powers_of_two` allows no other weights than 0 and +-2**k. `observation` rounds what comes in, where that is not a
    layer's codes already. Without `rounds_weights` weights and biases stay as they are while values are rounded."""

    input_exponent: int
    input_bits: int
    output_exponent: int
    output_bits: int
    relu: bool
    weight_bits: int = 8
    per_row: bool = True
    observation: ObservationQuantiser | Rounding | None = None
    powers_of_two: bool = False
    rounds_weights: bool = True

    @property
    def output(self) -> Rounding:
        """How the layer's sums are rounded."""
        return Rounding(self.output_exponent, self.output_bits, self.relu)

    @property
    def output_range(self) -> tuple[int, int]:
        """Smallest and largest output code."""
        return self.output.range

    def weight_exponents(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """The smallest exponents, int64 (rows,), that clip neither weights nor bias and leave a shift to the right."""
        return self.row_exponents(torch.maximum(weight.amax(dim=1), -weight.amin(dim=1)), bias)

    def row_exponents(self, largest: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`weight_exponents` of rows whose largest weights, without their signs, are `largest` (rows,)."""
        exponents = (power_exponents if self.powers_of_two else weight_exponents)(largest, self.weight_bits)
        exponents = torch.maximum(exponents, self.smallest_exponents(bias))
        exponents = exponents if self.per_row else exponents.amax().expand(len(largest))
        return exponents.clamp(max=self.output_exponent - self.input_exponent)

    def always_fits_float32(self, inputs: int) -> bool:
        """Whether float32 holds any sum of a row of `inputs` weights."""
        return (inputs << (self.input_bits + self.weight_bits - 1)) + (1 << BIAS_BITS) < EXACT_FLOAT32

    def smallest_exponents(self, bias: torch.Tensor) -> torch.Tensor:
        """The smallest exponents, int64 (rows,), of weights that the law knows and that do not clip the bias."""
        exponents = torch.frexp(bias)[1].long() - BIAS_BITS - self.input_exponent
        return exponents.clamp(min=SMALLEST_WEIGHT_EXPONENT)

    def weight_codes(
        self, weight: torch.Tensor, exponents: torch.Tensor, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Integer weights (rows, columns) as float32, in the memory of `out` where that is given."""
        scaled = torch.mul(weight, _powers(-exponents)[:, None], out=out)
        if self.powers_of_two:
            return _nearest_power(scaled, 1 << (self.weight_bits - 2))
        limit = (1 << (self.weight_bits - 1)) - 1
        return scaled.add_(0.5).floor_().clamp_(-limit, limit)

    def bias_codes(self, bias: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
        """Integer biases in units of the accumulator, as float32."""
        limit = 1 << BIAS_BITS
        return (bias * _powers(-(exponents + self.input_exponent))).add_(0.5).floor_().clamp_(-limit, limit)


class SparseLayer(nn.Module):
    """A layer with `weight`, `bias`, a mask of the weight's shape and, once `quantiser` is set, integer arithmetic.

    As a matrix its weights are (rows, columns): outputs, and all that one output reads.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    mask: torch.Tensor

    def _start_dense(self) -> None:
        self.register_buffer("mask", torch.ones_like(self.weight), persistent=False)
        self.quantiser: Quantiser | None = None
        self._cache: tuple[tuple[int, int, int], torch.Tensor, torch.Tensor] | None = None

    @property
    def nonzeros(self) -> int:
        """Number of weights that the mask keeps."""
        return int(self.mask.sum())

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs of inputs, both of the shapes of the dense layer."""
        if self.quantiser is not None and self.quantiser.observation is not None:
            values = self.quantiser.observation(values)
        weight, bias = self.in_use()
        sums = self._multiply(
            values.to(weight.dtype),
            _StraightThrough.apply(self.weight, weight, self.mask),
            _StraightThrough.apply(self.bias, bias, None),
        )
        return sums if self.quantiser is None else self.quantiser.output(sums)

    def _multiply(self, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def codes(self, scratch: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Integer weights (rows, columns), biases (rows,) and weight exponents (rows,) as they would be exported.

        They are worked out in the memory of `scratch`, of the weight's shape, where that is given.
        """
        with torch.no_grad():
            weight = torch.mul(self.weight, self.mask, out=scratch).flatten(1)
            exponents = self.quantiser.weight_exponents(weight, self.bias)
            return (
                self.quantiser.weight_codes(weight, exponents, out=weight),
                self.quantiser.bias_codes(self.bias, exponents),
                exponents,
            )

    def in_use(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and biases that the layer computes with, masked and rounded; no gradient. Rounded once a change."""
        version = (self.weight._version, self.bias._version, self.mask._version)
        if self._cache is None or self._cache[0] != version:
            rounds = self.quantiser is not None and self.quantiser.rounds_weights
            self._cache = (version, *(self.rounded() if rounds else self._masked()))
        return self._cache[1], self._cache[2]

    def _masked(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.weight.detach() * self.mask, self.bias.detach()

    def rounded(self, scratch: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """What `in_use` gives of an integer layer, rounded now, in the memory of `scratch` where that is given."""
        weight, bias, exponents = self.codes(scratch)
        dtype = torch.float32 if self._fits_float32(weight, bias) else torch.float64
        weight = weight.to(dtype).mul_(_powers(exponents).to(dtype)[:, None])
        bias = bias.to(dtype).mul_(_powers(exponents + self.quantiser.input_exponent).to(dtype))
        return weight.view_as(self.weight), bias

    def _fits_float32(self, weight: torch.Tensor, bias: torch.Tensor) -> bool:
        if self.quantiser.always_fits_float32(inputs=weight.shape[1]):
            return True
        sums = weight.abs().sum(dim=1) * (1 << self.quantiser.input_bits) + bias.abs()
        return bool(sums.max() < EXACT_FLOAT32)

    def set_quantiser(self, quantiser: Quantiser | None) -> None:
        """Switch integer arithmetic on, or off with None."""
        self.quantiser = quantiser
        self.forget()

    def forget(self) -> None:
        """Round again at the next use: for parameters that were changed where torch does not count changes."""
        self._cache = None


class SparseLinear(SparseLayer, nn.Linear):
    """`torch.nn.Linear` (rows, columns) as a sparse layer; shares the parameters of the one that it is made from."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self._start_dense()

    def _multiply(self, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(values, weight, bias)


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


def power_exponents(largest: torch.Tensor, bits: int) -> torch.Tensor:
    """As `weight_exponents`, for codes that are powers of two: 2**(bits-2) stands for up to 1.5 times that."""
    exponent = torch.frexp(largest / (1.5 * (1 << (bits - 2))))[1].long()
    return exponent.clamp(min=SMALLEST_WEIGHT_EXPONENT)


def _powers(exponents: torch.Tensor) -> torch.Tensor:
    return torch.ldexp(torch.ones_like(exponents, dtype=torch.float32), exponents)


def _nearest_power(values: torch.Tensor, largest: int) -> torch.Tensor:
    """0 below one half, else the nearest +-2**k from 1 to `largest`."""
    mantissa, exponent = torch.frexp(values.abs())
    power = torch.ldexp(torch.ones_like(values), exponent - (mantissa < 0.75).int()).clamp_(1, largest)
    return torch.where(values.abs() < 0.5, 0.0, power).copysign_(values).add_(0.0)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: torch.Tensor, rounded: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        ctx.mask = mask
        return rounded.view_as(rounded)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        gradient = gradient.float()
        return (gradient if ctx.mask is None else gradient * ctx.mask), None, None


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: torch.Tensor, rounding: Rounding) -> torch.Tensor:
        low, high = (bound * 2.0**rounding.exponent for bound in rounding.range)
        ctx.save_for_backward((values >= low) & (values <= high))
        return rounding.round(values)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        (inside,) = ctx.saved_tensors
        return gradient * inside, None

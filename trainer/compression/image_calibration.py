"""Switch a convolutional network to integer arithmetic: layer by layer, on the images that it sees.

The rules are those of docs/numerics.md. Where it has none: pixels are unsigned 8-bit codes of unit 2**-8, and the sum
of two layers of a residual network is rounded to codes again before a layer reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from .calibration import BitWidths, finest_exponent, head_exponent, hidden_exponent
from .layers import ObservationQuantiser, Quantiser, Rounding, SparseLayer

_PIXEL_BITS = 8
_SUM_BITS = 16
_SUM_MARGIN = 2.0


@torch.no_grad()
def calibrate_images(network: nn.Module, layers: Sequence[SparseLayer], images: torch.Tensor, bits: BitWidths) -> None:
    """Give `layers`, in the order in which `network` runs them, quantisers from uint8 `images` (n, channels, h, w)."""
    rectified = _rectified(network)
    codes: Rounding | None = None
    for index, layer in enumerate(layers):
        values = _inputs(network, layer, images)
        if index == 0:
            source, exponent, input_bits = _fold_pixels(layer), -_PIXEL_BITS, _PIXEL_BITS
            values = source(values)
        elif codes is not None and torch.equal(codes.round(values), values):
            source, exponent, input_bits = None, codes.exponent, codes.bits
        else:
            source = _rounding(values, bits.activations)
            values, exponent, input_bits = source.round(values), source.exponent, source.bits
        layer.set_quantiser(None)
        last, relu = index == len(layers) - 1, layer in rectified
        layer.set_quantiser(
            Quantiser(
                input_exponent=exponent,
                input_bits=input_bits,
                output_exponent=_output_exponent(layer, layer(values), exponent, bits, relu, last),
                output_bits=bits.activations if relu else _SUM_BITS,
                relu=relu,
                weight_bits=bits.weights,
                per_row=bits.per_row,
                observation=source,
                powers_of_two=bits.powers_of_two,
            )
        )
        codes = layer.quantiser.output if relu else None


@torch.no_grad()
def follow(layers: Sequence[SparseLayer], leaders: Sequence[SparseLayer]) -> None:
    """Let `layers` round like `leaders`, from whose parameters theirs were copied before calibration."""
    for layer, leader in zip(layers, leaders, strict=True):
        layer.set_quantiser(leader.quantiser)
    _scale_to_codes(layers[0])


def _fold_pixels(layer: SparseLayer) -> ObservationQuantiser:
    """Stable-Baselines3 divides pixels by 255, codes are pixels times 2**-8: the first layer takes the difference."""
    if layer.quantiser is not None:
        return layer.quantiser.observation
    _scale_to_codes(layer)
    return ObservationQuantiser(torch.tensor(255.0), torch.tensor(0.5), _PIXEL_BITS + 1)


def _scale_to_codes(layer: SparseLayer) -> None:
    layer.weight.mul_(256.0 / 255.0)


def _rounding(values: torch.Tensor, bits: int) -> Rounding:
    unsigned = bool(values.min() >= 0)
    return Rounding(finest_exponent(values, (1 << (bits - (not unsigned))) - 1), bits, unsigned)


def _output_exponent(
    layer: SparseLayer, sums: torch.Tensor, exponent: int, bits: BitWidths, relu: bool, last: bool
) -> int:
    if relu:
        return hidden_exponent(layer, sums, exponent, bits)
    if last:
        return head_exponent(layer, sums, exponent, bits, "argmax")
    spanning = math.ceil(math.log2(_SUM_MARGIN * float(sums.abs().max()) / ((1 << (_SUM_BITS - 1)) - 1) + 1e-12))
    return max(spanning, hidden_exponent(layer, sums, exponent, BitWidths(bits.weights, 16)))


def _rectified(network: nn.Module) -> set[SparseLayer]:
    """The layers that a ReLU follows."""
    sequences = [list(module) for module in network.modules() if isinstance(module, nn.Sequential)]
    pairs = [pair for modules in sequences for pair in zip(modules, modules[1:], strict=False)]
    return {first for first, second in pairs if isinstance(first, SparseLayer) and isinstance(second, nn.ReLU)}


def _inputs(network: nn.Module, layer: SparseLayer, images: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(images)
    hook.remove()
    return seen[0]

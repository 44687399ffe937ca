"""Switch a float network to integer arithmetic: observation scales, then exponents layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganglion.codegen.policy import HeadKind

from .layers import ObservationQuantiser, Quantiser, SparseLayer, SparseLinear, power_exponents, weight_exponents

OBSERVATION_MARGIN = 1.05
FINEST_HEAD_EXPONENT, COARSEST_HEAD_EXPONENT = -12, -4
VALUE_MARGIN = 4.0  # how many times larger than those of the calibration values may grow before they saturate


@dataclass(frozen=True)
class BitWidths:
    """Bits of weights (2 to 8), hidden activations and observations (8 or 16); one exponent per row or per layer;
    weights any integer, or 0 and powers of two only."""

    weights: int = 8
    activations: int = 8
    observations: int = 8
    per_row: bool = True
    powers_of_two: bool = False


@torch.no_grad()
def calibrate(
    layers: Sequence[SparseLinear],
    observations: torch.Tensor,
    bits: BitWidths,
    optimizer: torch.optim.Optimizer | None = None,
    folded: ObservationQuantiser | None = None,
    head: HeadKind = "tanh",
    rounds_weights: bool = True,
) -> None:
    """Give every layer its quantiser, from float32 observations (n, features) that the policy visits.

    The observation scales are folded into the first layer (its weights, bias and optimiser moments change), once,
    unless `folded` says that they have been; hidden output exponents minimise the squared rounding error on the
    activations that the layers before, already integer, produce. Layers that have quantisers get new exponents.
    The last layer's codes are as fine as a `tanh` can use, or, for other heads, span its outputs with a margin.
    Without `rounds_weights` weights stay float for now.
    """
    quantiser = layers[0].quantiser.observation if layers[0].quantiser else folded
    quantiser = quantiser or fold_observation_scales(layers[0], observations, bits.observations, optimizer)
    values, exponent, input_bits = quantiser(observations), quantiser.exponent, bits.observations
    for index, layer in enumerate(layers):
        last = index == len(layers) - 1
        layer.set_quantiser(None)
        if last:
            output_exponent = head_exponent(layer, layer(values), exponent, bits, head)
        else:
            output_exponent = hidden_exponent(layer, layer(values), exponent, bits)
        settings = Quantiser(
            input_exponent=exponent,
            input_bits=input_bits,
            output_exponent=output_exponent,
            output_bits=16 if last else bits.activations,
            relu=not last,
            weight_bits=bits.weights,
            per_row=bits.per_row,
            powers_of_two=bits.powers_of_two,
            rounds_weights=rounds_weights,
        )
        layer.set_quantiser(settings)
        values, exponent, input_bits = layer(values), output_exponent, bits.activations
    layers[0].quantiser.observation = quantiser


@torch.no_grad()
def fold_observation_scales(
    layer: SparseLinear, observations: torch.Tensor, bits: int, optimizer: torch.optim.Optimizer | None = None
) -> ObservationQuantiser:
    """Map each feature's visited range, widened by 5 %, onto [-1, 1) and make `layer` expect that."""
    low, high = observations.double().amin(dim=0), observations.double().amax(dim=0)
    middle, half = (low + high) / 2, (high - low) / 2 * OBSERVATION_MARGIN + 1e-6
    gain = (2.0 ** (bits - 1) / half).float()
    offset = (0.5 - middle * gain.double()).float()
    half, middle = 2.0 ** (bits - 1) / gain.double(), (0.5 - offset.double()) / gain.double()
    layer.bias.add_((layer.weight.double() @ middle).float())
    layer.weight.mul_(half.float())
    state = optimizer.state.get(layer.weight, {}) if optimizer else {}
    for moment, power in (("exp_avg", 1), ("exp_avg_sq", 2)):
        if moment in state:
            state[moment].div_(half.float() ** power)
    return ObservationQuantiser(gain, offset, bits)


def hidden_exponent(layer: SparseLayer, sums: torch.Tensor, input_exponent: int, bits: BitWidths) -> int:
    """The exponent of the codes behind a ReLU that lose least of `sums`, what `layer` gives in float."""
    best = finest_exponent(torch.relu(sums), (1 << bits.activations) - 1)
    return max(best, input_exponent + _coarsest_weight_exponent(layer, bits))


def finest_exponent(values: torch.Tensor, largest: int) -> int:
    """The exponent, of the three finest that come into question, with the least squared error of codes to `largest`."""
    coarsest = math.ceil(math.log2(float(values.abs().max()) / largest + 1e-12))

    def error(exponent: int) -> float:
        codes = torch.floor(values * 2.0**-exponent + 0.5).clamp(-largest - 1, largest)
        return float(((codes * 2.0**exponent - values) ** 2).mean())

    return min((coarsest, coarsest - 1, coarsest - 2), key=error)


def head_exponent(
    layer: SparseLayer, sums: torch.Tensor, input_exponent: int, bits: BitWidths, head: HeadKind = "tanh"
) -> int:
    """The exponent of the last layer's 16-bit codes: the finest that `tanh` may have, else one that spans `sums`."""
    finest = input_exponent + _coarsest_weight_exponent(layer, bits) + 1
    if head == "tanh":
        return min(max(FINEST_HEAD_EXPONENT, finest), COARSEST_HEAD_EXPONENT)
    spanning = math.ceil(math.log2(VALUE_MARGIN * float(sums.abs().max()) / (2**15 - 1) + 1e-12))
    return max(spanning, finest)


def _coarsest_weight_exponent(layer: SparseLayer, bits: BitWidths) -> int:
    largest = (layer.weight * layer.mask).abs().amax()[None]
    return int((power_exponents if bits.powers_of_two else weight_exponents)(largest, bits.weights))

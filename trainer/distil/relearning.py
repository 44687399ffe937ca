"""A finished student, taken from its integers back into layers that learn."""

from __future__ import annotations

import torch
from torch import nn

from ganglion.codegen.policy import Linear, Policy

from ..compression.calibration import BitWidths
from ..compression.layers import ObservationQuantiser, Quantiser, SparseLinear


def layers_of(policy: Policy, bits: BitWidths) -> list[SparseLinear]:
    """Layers that compute what `policy` does and export it; weights that are zero stay zero. Rows follow `bits`."""
    observation, layers, input_bits = policy.observation, [], policy.observation.bits
    for linear in policy.layers:
        layer = _layer(linear)
        layer.set_quantiser(
            Quantiser(
                input_exponent=linear.input_exponent,
                input_bits=input_bits,
                output_exponent=linear.output_exponent,
                output_bits=linear.output_bits,
                relu=linear.relu,
                weight_bits=bits.weights,
                per_row=bits.per_row,
                powers_of_two=bits.powers_of_two,
            )
        )
        layers.append(layer)
        input_bits = linear.output_bits
    layers[0].quantiser.observation = ObservationQuantiser(
        torch.from_numpy(observation.gain.copy()), torch.from_numpy(observation.offset.copy()), observation.bits
    )
    return layers


def _layer(linear: Linear) -> SparseLinear:
    weights, bias = (torch.from_numpy(codes.astype("float64")) for codes in (linear.weights, linear.bias))
    exponents = torch.from_numpy(linear.weight_exponents.astype("int64"))
    dense = nn.utils.skip_init(nn.Linear, linear.columns, linear.rows)
    dense.weight = nn.Parameter(torch.ldexp(weights, exponents[:, None]).float())
    dense.bias = nn.Parameter(torch.ldexp(bias, exponents + linear.input_exponent).float())
    layer = SparseLinear(dense)
    layer.mask = (weights != 0).float()
    return layer

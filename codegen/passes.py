"""Exact simplification: the same action codes for every observation, from fewer neurons.

A neuron that nobody reads is dropped. A neuron whose interval of codes is one number is a constant: what it
contributes is folded into the biases that read it. One can make the other possible, so both are repeated until
nothing changes. Inputs, outputs and every other weight stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .bounds import Interval, prove_bounds
from .policy import Linear, Policy


@dataclass(frozen=True)
class Overview:
    """What simplification left: widths from observation to output and weights that are not zero."""

    nominal_shape: tuple[int, ...]
    live_shape: tuple[int, ...]
    nominal_nonzeros: int
    effective_nonzeros: int


def simplify(policy: Policy) -> Policy:
    """Drop unread neurons and fold constant ones, to a fixed point; PolicyError when the bounds do not hold.

    Folding cannot overflow: the bound of a row counts |weight| times the neuron's largest code already, and a
    constant's largest code is its value, so |bias| never grows beyond the bound that was proved.
    """
    while True:
        smaller = _sweep(policy)
        if smaller.shape == policy.shape:
            return policy
        policy = smaller


def overview(nominal: Policy, live: Policy) -> Overview:
    """Compare a policy with what `simplify` made of it."""
    return Overview(nominal.shape, live.shape, nominal.nonzeros, live.nonzeros)


def _sweep(policy: Policy) -> Policy:
    layers = list(policy.layers)
    for index, bounds in enumerate(prove_bounds(policy)[:-1]):
        layers[index], layers[index + 1] = _remove(layers[index], layers[index + 1], bounds.output)
    return replace(policy, layers=tuple(layers))


def _remove(layer: Linear, reader: Linear, codes: Interval) -> tuple[Linear, Linear]:
    """Both layers without `layer`'s constant and unread rows, whose output codes are `codes`."""
    live = ~codes.constant & reader.weights.any(axis=0)
    constants = np.where(codes.constant, codes.low, 0)
    bias = reader.bias + reader.weights.astype(np.int64) @ constants
    layer = replace(
        layer,
        weights=layer.weights[live],
        bias=layer.bias[live],
        weight_exponents=layer.weight_exponents[live],
    )
    return layer, replace(reader, weights=reader.weights[:, live], bias=bias.astype(np.int32))

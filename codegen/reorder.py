"""Another order of the hidden neurons: the same function, in an order that a kernel packs better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .policy import Linear, Policy


def reorder_hidden(policy: Policy, order_of: Callable[[Linear], np.ndarray]) -> Policy:
    """The same policy with every hidden layer's rows in the order that `order_of(layer)` gives, int64 (rows,)."""
    layers = list(policy.layers)
    for index in range(len(layers) - 1):
        layer, reader = layers[index], layers[index + 1]
        order = order_of(layer)
        layers[index] = replace(
            layer,
            weights=layer.weights[order],
            bias=layer.bias[order],
            weight_exponents=layer.weight_exponents[order],
        )
        layers[index + 1] = replace(reader, weights=reader.weights[:, order])
    return replace(policy, layers=tuple(layers))

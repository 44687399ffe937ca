"""What a student costs, before any compiler has seen it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy

Pricing = Callable[[Policy], dict[str, float]]


def price_data(policy: Policy) -> dict[str, float]:
    """`nonzeros` that the compiler's simplifications leave, and `bytes` of their data in compressed sparse rows.

    Per weight its bits and a one-byte column distance, per row a count, a shift and an int32 bias, per feature and
    action two floats. Code is not counted.
    """
    policy = simplify(policy)
    layers = policy.layers
    weight_bits = sum(layer.nonzeros * _bits(layer.weights) for layer in layers)
    rows = sum(layer.rows for layer in layers)
    maps = 8 * (policy.features + policy.actions)
    return {"nonzeros": policy.nonzeros, "bytes": -(-weight_bits // 8) + policy.nonzeros + 6 * rows + maps}


def _bits(weights: np.ndarray) -> int:
    largest = int(np.abs(weights.astype(np.int64)).max(initial=0))
    return largest.bit_length() + 1

"""The types that are asked for hold every value, whatever the layer."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.hls.project.precision import Fixed, layer_types
from tests.support.policies import random_policy


def limits(fixed):
    """Smallest and largest value, in units of 2**exponent."""
    return (-(1 << (fixed.bits - 1)), (1 << (fixed.bits - 1)) - 1) if fixed.signed else (0, (1 << fixed.bits) - 1)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), sparsity=st.floats(0, 0.95), bits=st.sampled_from([8, 16]))
def test_weights_biases_and_every_partial_sum_fit(seed, sparsity, bits):
    policy = random_policy(seed, (4, 6, 3), sparsity, observation_bits=bits, hidden_bits=bits)
    low, high = policy.observation.code_range
    for layer in policy.layers:
        types = layer_types(layer, low, high)
        scale = 1 << (layer.weight_exponents - types.weight.exponent)
        weights, bias = layer.weights.astype(np.int64) * scale[:, None], layer.bias.astype(np.int64) * scale
        sums = np.abs(weights).sum(axis=1) * max(-low, high) + np.abs(bias)
        for fixed, values in ((types.weight, weights), (types.bias, bias), (types.accumulator, sums)):
            smallest, largest = limits(fixed)
            assert smallest <= values.min() and values.max() <= largest
        assert types.bias.exponent == types.accumulator.exponent == types.weight.exponent + layer.input_exponent
        assert limits(types.output) == layer.output_range
        low, high = layer.output_range


def test_the_notation_is_hls4mls():
    assert Fixed(8, -7).text == "fixed<8,1>"
    assert Fixed(8, -4, signed=False, rounds=True).text == "ufixed<8,4,RND,SAT>"
    assert Fixed(11, -12).text == "fixed<11,-1>"

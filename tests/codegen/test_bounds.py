"""Bounds are never exceeded, are reached, and refuse what could overflow."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.policy import Linear, PolicyError
from ganglion.codegen.reference import activations
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies


@settings(max_examples=100, deadline=None)
@given(policies(), st.integers(0, 2**32 - 1))
def test_sums_and_codes_stay_inside(policy, seed):
    values = codes(policy, seed)
    outputs = activations(policy, values)
    rng = np.random.default_rng(seed)
    for layer, bounds, output in zip(policy.layers, prove_bounds(policy), outputs, strict=True):
        order = rng.permutation(layer.columns)
        products = values[:, None, order] * layer.weights.astype(np.int64)[None, :, order]
        half = (1 << layer.shifts) >> 1
        partial = np.cumsum(products, axis=2) + (layer.bias + half)[None, :, None]
        assert (np.abs(partial) <= bounds.worst[None, :, None]).all()
        total = values @ layer.weights.T.astype(np.int64) + layer.bias
        assert (bounds.accumulator.low <= total).all() and (total <= bounds.accumulator.high).all()
        assert (bounds.output.low <= output).all() and (output <= bounds.output.high).all()
        values = output


@settings(max_examples=60, deadline=None)
@given(policies())
def test_extreme_inputs_reach_the_first_layers_interval(policy):
    layer, bounds = policy.layers[0], prove_bounds(policy)[0]
    low, high = policy.observation.code_range
    for row in range(layer.rows):
        positive = layer.weights[row] > 0
        smallest, largest = np.where(positive, low, high), np.where(positive, high, low)
        weights = layer.weights[row].astype(np.int64)
        assert weights @ smallest + layer.bias[row] == bounds.accumulator.low[row]
        assert weights @ largest + layer.bias[row] == bounds.accumulator.high[row]


def _one_row(bias: int, shift: int, weights=(1,)):
    policy = random_policy(shape=(len(weights), 1), sparsity=0.0)
    layer = Linear(
        np.array([weights], np.int16), np.array([bias], np.int32), np.array([-3 - shift]), -7, -10, 16, False
    )
    return replace(policy, layers=(layer,))


def test_the_largest_bias_that_fits_is_accepted_and_one_more_refused():
    largest = 2**31 - 1 - 128 - 16
    assert prove_bounds(_one_row(largest, 5))[0].worst.tolist() == [2**31 - 1]
    assert prove_bounds(_one_row(-largest, 5))[0].worst.tolist() == [2**31 - 1]
    with pytest.raises(
        PolicyError, match=r"layer 0, row 0: the accumulator can reach 2147483648.*less than 2147483648"
    ):
        prove_bounds(_one_row(largest + 1, 5))
    with pytest.raises(PolicyError, match="row 0"):
        prove_bounds(_one_row(-(2**31), 0))


def test_cancelling_weights_do_not_hide_a_partial_sum():
    with pytest.raises(PolicyError, match="accumulator"):
        prove_bounds(_one_row(0, 0, (32767, -32767) * 300))


def test_float32_exactness_is_told_at_two_to_the_24():
    assert prove_bounds(_one_row(2**24 - 1 - 128, 0))[0].float32_exact
    assert not prove_bounds(_one_row(2**24 - 128, 0))[0].float32_exact

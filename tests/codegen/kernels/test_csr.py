"""Packing loses nothing and is as narrow as it can be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.kernels.csr import pack, unpack
from ganglion.codegen.policy import Linear
from tests.support.policies import random_policy
from tests.support.strategies import policies


@settings(max_examples=100, deadline=None)
@given(policies())
def test_unpack_is_the_inverse(policy):
    for layer, bounds in zip(policy.layers, prove_bounds(policy), strict=True):
        packed = pack(layer, bounds)
        weights, bias, shifts = unpack(packed)
        assert np.array_equal(weights, layer.weights) and np.array_equal(bias, layer.bias)
        assert np.array_equal(shifts, layer.shifts)
        assert packed.values.dtype == (np.int8 if np.abs(layer.weights.astype(int) + 0.5).max() < 128 else np.int16)
        assert packed.columns.dtype == (np.uint8 if layer.columns <= 256 else np.uint16)


def _packed(columns: int, bias: int, shift: int = 0, value: int = 1):
    weights = np.zeros((2, columns), np.int16)
    weights[0, -1] = value
    policy = random_policy(shape=(columns, 2), sparsity=0.0)
    layer = Linear(weights, np.array([bias, 0], np.int32), np.full(2, -3 - shift), -7, -10, 16, False)
    return pack(layer, prove_bounds(replace(policy, layers=(layer,)))[0])


@pytest.mark.parametrize(
    ("bias", "shift", "dtype"),
    [
        (127, 0, np.int8),
        (126, 1, np.int8),
        (127, 1, np.int16),
        (32767, 0, np.int16),
        (32768, 0, np.int32),
        (0, 20, np.int32),
    ],
)
def test_biases_with_their_half_are_as_narrow_as_they_can_be(bias, shift, dtype):
    packed = _packed(3, bias, shift)
    assert packed.bias.dtype == dtype and packed.bias[0] == bias + ((1 << shift) >> 1)


def test_columns_values_and_lengths_widen_when_they_must():
    assert _packed(256, 0).columns.dtype == np.uint8 and _packed(257, 0).columns.dtype == np.uint16
    assert _packed(3, 0, value=-128).values.dtype == np.int8 and _packed(3, 0, value=128).values.dtype == np.int16
    for columns, dtype in ((255, np.uint8), (256, np.uint16)):
        policy = random_policy(shape=(columns, 2), sparsity=0.0)
        layer = replace(policy.layers[0], weights=np.ones((2, columns), np.int8))
        assert pack(layer, prove_bounds(replace(policy, layers=(layer,)))[0]).lengths.dtype == dtype


def test_one_shift_for_a_layer_when_all_rows_agree():
    assert _packed(3, 0, 4).shifts.tolist() == [4]
    layer = Linear(np.ones((2, 1), np.int8), np.zeros(2, np.int32), np.array([-5, -6]), -7, -10, 16, False)
    policy = replace(random_policy(shape=(1, 2), sparsity=0.0), layers=(layer,))
    assert pack(layer, prove_bounds(policy)[0]).shifts.tolist() == [2, 3]


def test_bounds_of_another_layer_are_refused():
    policy = random_policy(shape=(3, 2), sparsity=0.0)
    changed = replace(policy.layers[0], bias=np.full(2, 2**29, np.int32))
    with pytest.raises(ValueError, match="not those of this layer"):
        pack(changed, prove_bounds(policy)[0])

"""Simplification changes no action code and leaves nothing that it could remove."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.passes import overview, simplify
from ganglion.codegen.policy import check_policy
from ganglion.codegen.reference import infer_codes
from tests.support.nets import erk_net
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies


@settings(max_examples=200, deadline=None)
@given(policies(), st.integers(0, 2**32 - 1))
def test_action_codes_stay_the_same(policy, seed):
    live = simplify(policy)
    check_policy(live)
    assert live.digest == policy.digest and live.features == policy.features and live.actions == policy.actions
    batch = codes(policy, seed)
    assert (infer_codes(live, batch) == infer_codes(policy, batch)).all()


@settings(max_examples=60, deadline=None)
@given(policies())
def test_nothing_removable_is_left_and_bounds_never_grow(policy):
    live = simplify(policy)
    bounds = prove_bounds(live)
    for reader, proved in zip(live.layers[1:], bounds, strict=False):
        assert not proved.output.constant.any()
        assert reader.weights.any(axis=0).all()
    assert (bounds[-1].worst <= prove_bounds(policy)[-1].worst).all()
    assert simplify(live) is live


def _with_layer(policy, index, **changes):
    layers = list(policy.layers)
    layers[index] = replace(layers[index], **changes)
    return replace(policy, layers=tuple(layers))


def test_a_vanished_layer_leaves_a_constant_policy():
    policy = random_policy(shape=(5, 8, 8, 2), sparsity=0.5)
    policy = _with_layer(policy, 1, weights=np.zeros((8, 8), np.int8))
    live = simplify(policy)
    assert live.shape == (5, 0, 0, 2) and live.nonzeros == 0
    batch = codes(policy, 0)
    assert (infer_codes(live, batch) == infer_codes(policy, batch)).all()
    assert len(np.unique(infer_codes(live, batch), axis=0)) == 1


def test_constants_cascade_through_layers():
    policy = random_policy(shape=(3, 1, 1, 1), sparsity=0.0, hidden_bits=8)
    policy = _with_layer(policy, 0, weights=np.zeros((1, 3), np.int8), bias=np.array([4000], np.int32))
    assert simplify(policy).shape == (3, 0, 0, 1)


def test_a_saturated_neuron_is_a_constant_though_it_has_weights():
    policy = random_policy(shape=(3, 4, 2), sparsity=0.0)
    bias = policy.layers[0].bias.copy()
    bias[1], bias[2] = 2**30, -(2**30)
    live = simplify(_with_layer(policy, 0, bias=bias))
    assert live.shape == (3, 2, 2)


def test_only_removable_neurons_go_and_their_order_stays():
    policy = random_policy(shape=(3, 4, 2), sparsity=0.0)
    weights = policy.layers[1].weights.copy()
    weights[:, 2] = 0
    live = simplify(_with_layer(policy, 1, weights=weights))
    kept = [0, 1, 3]
    assert (live.layers[0].weights == policy.layers[0].weights[kept]).all()
    assert (live.layers[1].weights == weights[:, kept]).all()
    assert (live.layers[1].bias == policy.layers[1].bias).all()


def test_overview_of_the_quoted_net():
    policy = erk_net()
    facts = overview(policy, simplify(policy))
    assert (facts.nominal_shape, facts.live_shape) == ((11, 256, 256, 3), (11, 177, 166, 3))
    assert (facts.nominal_nonzeros, facts.effective_nonzeros) == (1372, 975)

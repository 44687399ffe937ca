"""The simulated sequential core is equal to the oracle and takes exactly the clocks that its schedule says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.codegen import arithmetic, passes, reference
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.design import DesignError
from tests.support.policies import random_policy

from .measurements import zoo_policy
from .support import assert_design_equal, broad, run_codes


def assert_equal(policy, lanes, folder, count=100, engine=None):
    assert_design_equal(policy, sequential_design(policy, lanes), folder, count, engine)


def test_one_lane(tmp_path):
    assert_equal(random_policy(shape=(5, 20, 16, 4), sparsity=0.6), 1, tmp_path)


@broad
@pytest.mark.parametrize("head", ["tanh", "clip", "argmax"])
@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_heads_and_lanes(head, lanes, tmp_path):
    assert_equal(random_policy(shape=(5, 20, 16, 4), sparsity=0.6, head=head), lanes, tmp_path)


@broad
@pytest.mark.parametrize(
    "seed, shape, sparsity, lanes", [(0, (4, 3), 0.0, 2), (182943, (6, 3, 4, 6), 0.8667172261118405, 5)]
)
def test_no_row_ends_while_a_tanh_is_under_way(seed, shape, sparsity, lanes, tmp_path):
    assert_equal(random_policy(seed, shape, sparsity), lanes, tmp_path, count=40)


@broad
@pytest.mark.parametrize("observation_bits, hidden_bits", [(8, 16), (16, 8), (16, 16)])
def test_widths(observation_bits, hidden_bits, tmp_path):
    policy = random_policy(
        shape=(4, 12, 9, 2), sparsity=0.5, observation_bits=observation_bits, hidden_bits=hidden_bits
    )
    assert_equal(policy, 2, tmp_path)


@broad
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple),
    sparsity=st.floats(0, 0.9),
    head=st.sampled_from(["tanh", "clip", "argmax"]),
    lanes=st.integers(1, 8),
)
def test_tiny_policies(seed, shape, sparsity, head, lanes, tmp_path):
    assert_equal(random_policy(seed, shape, sparsity, head), lanes, tmp_path, count=40)


@broad
@pytest.mark.parametrize("exponent", [-12, -9, -4])
def test_tanh_between_and_at_its_nodes(exponent, tmp_path):
    policy = pass_through(exponent)
    low, high = policy.observation.code_range
    nodes = np.arange(-40, 41) << (arithmetic.TANH_SEGMENT_EXPONENT - exponent)
    codes = np.concatenate([np.arange(low, high, 97), nodes - 1, nodes, nodes + 1, [low, high]])
    codes = np.clip(codes, low, high)[:, None]
    actions, _ = run_codes(sequential_design(policy), codes, tmp_path)
    np.testing.assert_array_equal(actions, reference.infer_codes(policy, codes))


def pass_through(exponent):
    """One 16-bit input times one, so that the head's code is the observation's."""
    base = random_policy(shape=(1, 1), sparsity=0.0, observation_bits=16)
    layer = replace(
        base.layers[0],
        weights=np.array([[1]], np.int8),
        bias=np.zeros(1, np.int32),
        weight_exponents=np.array([exponent - base.layers[0].input_exponent]),
        output_exponent=exponent,
    )
    return replace(base, layers=(layer,))


def test_a_simplified_policy_gives_the_same_actions_in_fewer_cycles(tmp_path):
    policy = random_policy(shape=(6, 30, 30, 2), sparsity=0.93)
    assert sequential_design(passes.simplify(policy)).cycles < sequential_design(policy).cycles
    assert_equal(passes.simplify(policy), 2, tmp_path)


def test_the_same_policy_gives_the_same_bytes():
    policy = random_policy()
    assert sequential_design(policy, 4).checksum == sequential_design(policy, 4).checksum


@pytest.mark.parametrize("lanes", [0, 9, -1])
def test_lanes_out_of_range_are_refused(lanes):
    with pytest.raises(DesignError, match="allowed: 1 to 8"):
        sequential_design(random_policy(), lanes)


@pytest.mark.long
@pytest.mark.parametrize("lanes", [1, 4])
def test_ten_thousand_observations_of_a_real_shape(lanes, tmp_path):
    policy = passes.simplify(random_policy(shape=(11, 256, 256, 3), sparsity=0.98))
    assert_equal(policy, lanes, tmp_path, count=10_000, engine="verilator")


@pytest.mark.long
@pytest.mark.parametrize("actor", ["Hopper-v4/distil-n164", "Swimmer-v4/distil-n47"])
def test_ten_thousand_observations_of_the_zoo(actor, tmp_path):
    assert_equal(zoo_policy(actor), 1, tmp_path, count=10_000, engine="verilator")

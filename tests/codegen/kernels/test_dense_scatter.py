"""Packing for `dense` and `scatter` loses nothing, and only `scatter` depends on the observation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels import KERNELS, dense, scatter
from ganglion.codegen.kernels.straight import half
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.policies import random_policy
from tests.support.strategies import policies


@settings(max_examples=60, deadline=None)
@given(policies())
def test_dense_blocks_lose_nothing(policy):
    for offset in (0, dense.OFFSET):
        for layer in policy.layers:
            packed = dense.pack(layer, offset)
            weights, biases, shifts = (part[: layer.rows] for part in dense.unpack(packed))
            assert np.array_equal(weights[:, : layer.columns], layer.weights) and not weights[:, layer.columns :].any()
            folded = layer.bias + half(layer) + offset * layer.weights.astype(np.int64).sum(axis=1)
            assert np.array_equal(biases, folded % (1 << 32)) and np.array_equal(shifts, layer.shifts)
            assert packed.wide == bool((np.abs(layer.weights + 0.5) > 128).any())


@settings(max_examples=60, deadline=None)
@given(policies())
def test_scattered_columns_lose_nothing(policy):
    for layer, bounds in zip(policy.layers, prove_bounds(policy), strict=True):
        packed = scatter.pack(layer, bounds)
        assert np.array_equal(scatter.unpack(packed), layer.weights)
        assert np.array_equal(packed.bias, layer.bias + half(layer))
        assert packed.rows.itemsize == (1 if layer.rows <= 256 else 2)


def test_zero_inputs_are_skipped_by_scatter(tmp_path):
    policy = random_policy(0, (32, 30, 4), 0.5, head="clip")
    elf, (plan,) = kernel_runs.build({"net": policy}, "scatter", tmp_path)
    with Caller(elf) as caller:
        target = caller.place(bytes(64))
        none, all_of_them = (
            caller.call("net_infer_codes", caller.place(bytes([code] * 32)), target).cycles for code in (0, 5)
        )
    nonzeros = plan.policy.layers[0].nonzeros
    assert all_of_them - none > 4 * nonzeros


@pytest.mark.parametrize("name", KERNELS)
def test_only_scatter_depends_on_the_observation(name):
    assert KERNELS[name].constant_time == (name != "scatter")


def test_the_header_of_scatter_says_that_its_time_varies():
    text = compile_policy(random_policy(), CompileOptions("net", "scatter")).files["net.h"]
    assert "DEPENDS ON THE OBSERVATION" in text

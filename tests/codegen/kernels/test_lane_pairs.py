"""Pairs of rows are exact by their proved bounds, at the very edges of a lane too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.actor import digest
from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.kernels.lane_pairs import pair_rows
from ganglion.codegen.policy import Linear
from ganglion.codegen.reference import infer_codes
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.policies import random_policy


def _policy(biases: list[int], shift: int = 0, bits: int = 16, weight: int = 100):
    """Two rows on one input, +-weight, whose sums reach from bias - 128 * weight to bias + 128 * weight."""
    base = random_policy(0, (1, 2, 2, 1), 0.0, hidden_bits=bits, head="clip")
    weights = np.array([[weight], [-weight]], np.int8)
    first = Linear(weights, np.array(biases, np.int32), np.full(2, -shift), -7, -7, bits, True)
    second = Linear(np.array([[3, 1], [-2, 5]], np.int8), np.zeros(2, np.int32), np.full(2, -6), -7, -7, bits, True)
    last = replace(
        base.layers[2], weights=np.array([[2, 7]], np.int8), weight_exponents=np.array([-3]), input_exponent=-7
    )
    policy = replace(base, layers=(first, second, last))
    return replace(policy, digest=digest(policy))


_EDGES = [
    ([32767 - 12700, 32767 - 12800], True),
    ([32767 - 12699, 0], False),
    ([0, 32768 - 12800], False),
    ([-32768 + 12800, -32768 + 12700], True),
    ([-32769 + 12800, 0], False),
    ([0, -32769 + 12700], False),
]
_WAYS = [(bits, shift) for bits in (8, 16) for shift in (0, 3, 7, 8, 9, 12)]


def _pairs(policy):
    return pair_rows(policy.layers[0], prove_bounds(policy)[0], policy.layers[1])


@pytest.mark.parametrize(("biases", "fits"), _EDGES)
def test_a_pair_fits_up_to_the_last_integer(biases, fits):
    assert bool(_pairs(_policy(biases))) == fits


@pytest.mark.parametrize(("bits", "shift"), _WAYS)
def test_any_shift_leaves_pairs(bits, shift):
    assert _pairs(_policy([150, -77], shift, bits))


def test_rows_with_different_shifts_are_not_paired():
    policy = _policy([0, 0])
    layer = replace(policy.layers[0], weight_exponents=np.array([0, -1]))
    assert not _pairs(replace(policy, layers=(layer, *policy.layers[1:])))


def test_equal_to_the_oracle_on_every_code(tmp_path):
    """All 256 codes of the only feature, at each edge and for each way to make codes of lanes."""
    made = [_policy(biases) for biases, _ in _EDGES] + [_policy([150, -77], shift, bits) for bits, shift in _WAYS]
    elf, plans = kernel_runs.build({f"p{i}": policy for i, policy in enumerate(made)}, "lanes", tmp_path)
    codes = np.arange(-128, 128)[:, None]
    with Caller(elf) as caller:
        for plan, policy in zip(plans, made, strict=True):
            assert np.array_equal(kernel_runs.infer_codes(caller, plan, codes), infer_codes(policy, codes))

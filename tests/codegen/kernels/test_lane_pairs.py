"""Pairs of rows are exact by their proved bounds, at the very edges of a lane too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.actor import digest
from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.lane_pairs import pair_rows
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
    last = replace(base.layers[2], weights=np.array([[2, 7]], np.int8), weight_exponents=np.array([-3]), input_exponent=-7)
    policy = replace(base, layers=(first, second, last))
    return replace(policy, digest=digest(policy))


@pytest.mark.parametrize(
    ("biases", "fits"),
    [
        ([32767 - 12700, 32767 - 12800], True),
        ([32767 - 12699, 0], False),
        ([0, 32768 - 12800], False),
        ([-32768 + 12800, -32768 + 12700], True),
        ([-32769 + 12800, 0], False),
        ([0, -32769 + 12700], False),
    ],
)
def test_a_pair_fits_up_to_the_last_integer(biases, fits, tmp_path):
    policy = _policy(biases)
    pairs = pair_rows(policy.layers[0], prove_bounds(policy)[0], policy.layers[1])
    assert bool(pairs) == fits
    _check_all_codes(policy, tmp_path)


@pytest.mark.parametrize("shift", [0, 3, 7, 8, 9, 12])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_way_to_make_codes_of_lanes(shift, bits, tmp_path):
    policy = _policy([150, -77], shift, bits)
    assert pair_rows(policy.layers[0], prove_bounds(policy)[0], policy.layers[1])
    _check_all_codes(policy, tmp_path)


def test_rows_with_different_shifts_are_not_paired():
    policy = _policy([0, 0])
    layer = replace(policy.layers[0], weight_exponents=np.array([0, -1]))
    assert not pair_rows(layer, prove_bounds(replace(policy, layers=(layer, *policy.layers[1:])))[0], policy.layers[1])


def _check_all_codes(policy, folder):
    """All 256 codes of the only feature."""
    elf, (plan,) = kernel_runs.build({"p": policy}, "lanes", folder)
    codes = np.arange(-128, 128)[:, None]
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plan, codes), infer_codes(policy, codes))

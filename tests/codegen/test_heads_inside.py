"""Heads in a kernel's last layer: tanh from its turns, and the codes of the oracle for every exponent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.actor import digest
from ganglion.codegen.arithmetic import TANH_SEGMENTS, tanh, tanh_table
from ganglion.codegen.policy import HEAD_EXPONENTS, Policy
from ganglion.codegen.reference import infer_codes
from ganglion.codegen.tanh_turns import SEGMENT_BITS, saturates, tanh_turns
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.kernel_cases import corner_codes
from tests.support.policies import random_policy


def test_turns_are_the_table():
    rise, turns = tanh_turns()
    nodes, fall = [0, rise], 0
    for turn in turns.tolist():
        fall += turn
        rise -= fall
        nodes.append(nodes[-1] + rise)
    assert nodes == tanh_table().tolist()


@pytest.mark.parametrize("fraction_bits", range(1, 10))
def test_saturation_is_exact_where_it_is_said_to_be(fraction_bits):
    exponent = -3 - fraction_bits
    limit = (1 << (fraction_bits + SEGMENT_BITS)) - 1
    assert limit + 1 == TANH_SEGMENTS << fraction_bits
    ends = tanh(np.array([limit, limit + 1, 32767]), exponent)
    assert saturates(fraction_bits) == (len(set(ends[1:].tolist() + ends[:1].tolist())) == 1)


def _with_exponent(policy: Policy, exponent: int) -> Policy:
    """The same sums in units of another power of two; large ones, so that tanh saturates too."""
    last = policy.layers[-1]
    shifts = np.maximum(last.shifts - 5, 0)
    last = replace(last, output_exponent=exponent, weight_exponents=exponent - last.input_exponent - shifts)
    policy = replace(policy, layers=(*policy.layers[:-1], last))
    return replace(policy, digest=digest(policy))


def test_the_stream_equals_the_oracle_with_every_head_and_exponent(tmp_path):
    cases = {
        f"{head}{-exponent}": _with_exponent(random_policy(4, (6, 20, 16, 8), 0.5, head), exponent)
        for head in ("tanh", "clip")
        for exponent in HEAD_EXPONENTS
    }
    elf, plans = kernel_runs.build(cases, "stream", tmp_path)
    inside = {plan.name for plan in plans if f"#define {plan.name.upper()}_HEAD_INSIDE" in plan.files[f"{plan.name}.h"]}
    assert cases.keys() - inside == {"tanh4", "tanh5", "tanh6"}
    codes_seen = {"tanh": set(), "clip": set()}
    for plan in plans:
        sample = corner_codes(cases[plan.name], 60)
        expected = infer_codes(cases[plan.name], sample)
        codes_seen[plan.name[:4]] |= set(expected.ravel().tolist())
        with Caller(elf) as caller:
            assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), expected), plan.name
    for head, ends in (("tanh", (-32746, 32746)), ("clip", (-32768, 32767))):
        assert (min(codes_seen[head]), max(codes_seen[head])) == ends and len(codes_seen[head]) > 100

"""The oracle against integer loops that share no code with it, and against docs/numerics.md."""

import math
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.policy import Policy
from tests.support.policies import observations
from tests.support.strategies import codes, policies

NUMERICS = Path(__file__).parents[2] / "docs" / "numerics.md"
FLOATS = st.floats(width=32)
FINITE = st.floats(-(2.0**127), 2.0**127, width=32)


def fl(value: float) -> float:
    """Round a double to float32; the sums and products of two float32 round the same from there."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def plain_quantise(x: float, gain: float, offset: float, bits: int) -> tuple[int, bool]:
    if not math.isfinite(x):
        return 0, True
    value = fl(fl(x * gain) + offset)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return (low if value <= low else high if value >= high else math.floor(value)), False


def plain_round_shift(value: int, shift: int) -> int:
    return value if shift == 0 else (value + 2 ** (shift - 1)) // 2**shift


def plain_layers(policy: Policy, values: list[int]) -> list[int]:
    for layer in policy.layers:
        low, high = (0, 2**layer.output_bits - 1) if layer.relu else (-32768, 32767)
        result = []
        for weights, bias, exponent in zip(layer.weights, layer.bias, layer.weight_exponents, strict=True):
            total = int(bias) + sum(int(w) * v for w, v in zip(weights, values, strict=True))
            shift = layer.output_exponent - layer.input_exponent - int(exponent)
            result.append(min(max(plain_round_shift(total, shift), low), high))
        values = result
    return values


def plain_tanh(z: int, exponent: int, nodes: list[int]) -> int:
    f, m = -3 - exponent, abs(z)
    k, rest = divmod(m, 2**f)
    value = nodes[32] if k >= 32 else nodes[k] + ((nodes[k + 1] - nodes[k]) * rest + 2 ** (f - 1)) // 2**f
    return -value if z < 0 else value


def documented_nodes() -> list[int]:
    return [int(n) for n in re.search(r"`(0, 4083, [0-9, ]+)`", NUMERICS.read_text())[1].split(", ")]


def test_tanh_table_is_the_documented_one():
    assert arithmetic.tanh_table().tolist() == documented_nodes()


@pytest.mark.parametrize("exponent", range(-12, -3))
def test_tanh_of_every_code(exponent):
    z = np.arange(-32768, 32768)
    result = arithmetic.tanh(z, exponent)
    nodes = documented_nodes()
    assert result.tolist() == [plain_tanh(int(v), exponent, nodes) for v in z]
    error = np.abs(result / 32768 - np.tanh(z * 2.0**exponent))
    assert error.max() < 0.0009


@pytest.mark.parametrize("exponent", range(-12, -3))
def test_clip_of_every_code(exponent):
    z = np.arange(-32768, 32768)
    expected = [min(max(int(v) * 2 ** (15 + exponent), -32768), 32767) for v in z]
    assert arithmetic.clip(z, exponent).tolist() == expected


@settings(max_examples=300)
@given(FLOATS, FINITE, FINITE, st.sampled_from((8, 16)))
def test_quantise_is_the_plain_rule(x, gain, offset, bits):
    got, bad = arithmetic.quantise(*(np.array([v], np.float32) for v in (x, gain, offset)), bits)
    assert (int(got[0]), bool(bad[0])) == plain_quantise(x, gain, offset, bits)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 30))
def test_requantise_rounds_half_up_and_saturates(value, shift):
    got = arithmetic.requantise(np.array([value]), np.array([shift]), -32768, 32767)
    assert int(got[0]) == min(max(plain_round_shift(value, shift), -32768), 32767)


@settings(max_examples=60, deadline=None)
@given(policies(), st.integers(0, 2**32 - 1))
def test_reference_is_the_plain_loops(policy, seed):
    batch = codes(policy, seed, 6)
    got = reference.infer_codes(policy, batch)
    exponent, nodes = policy.layers[-1].output_exponent, documented_nodes()
    for row, answer in zip(batch.tolist(), got.tolist(), strict=True):
        z = plain_layers(policy, row)
        if policy.head.kind == "argmax":
            expected = [z.index(max(z))]
        elif policy.head.kind == "tanh":
            expected = [plain_tanh(v, exponent, nodes) for v in z]
        else:
            expected = [min(max(v * 2 ** (15 + exponent), -32768), 32767) for v in z]
        assert answer == expected


@settings(max_examples=40, deadline=None)
@given(policies(), st.integers(0, 2**32 - 1))
def test_float_entry_is_map_codes_and_affine(policy, seed):
    values = observations(policy, 8, seed)
    result = reference.infer(policy, values)
    for row, action_codes, actions, status in zip(values, result.codes, result.actions, result.status, strict=True):
        maps = zip(row.tolist(), policy.observation.gain.tolist(), policy.observation.offset.tolist(), strict=True)
        seen = [plain_quantise(x, gain, offset, policy.observation.bits) for x, gain, offset in maps]
        assert status == any(bad for _, bad in seen)
        expected = reference.infer_codes(policy, np.array([[code for code, _ in seen]]))[0]
        assert action_codes.tolist() == expected.tolist()
        if policy.head.kind == "argmax":
            assert actions.tolist() == expected.tolist()
        else:
            maps = zip(expected.tolist(), policy.head.gain.tolist(), policy.head.offset.tolist(), strict=True)
            assert actions.tolist() == [fl(fl(code * gain) + offset) for code, gain, offset in maps]


def test_observations_of_another_shape_are_refused(hopper_like):
    with pytest.raises(ValueError, match=r"\(n, 11\) is needed"):
        reference.infer(hopper_like, np.zeros((2, 10)))

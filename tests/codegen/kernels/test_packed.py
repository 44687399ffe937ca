"""Packing into bit fields loses nothing, is as narrow as it can be, and computes what the oracle does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels.bit_fields import MAX_DISTANCE_BITS, FieldReader, FieldWriter, Width, best_width
from ganglion.codegen.kernels.packed import pack, unpack
from ganglion.codegen.kernels.stream import folded_bias, sort_neurons
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Linear, Policy
from ganglion.codegen.reference import infer_codes
from tests.support.c_code import STRICT, Batch, c_compilers
from tests.support.kernel_cases import edge_policies
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies

UNITS = (1, 8)
EDGES = edge_policies()


def _check(layers: list[Linear], unit_bits: int) -> None:
    for layer, packed in zip(layers, pack(layers, unit_bits), strict=True):
        weights, bias, shifts = unpack(packed)
        assert np.array_equal(weights, layer.weights) and np.array_equal(shifts, layer.shifts)
        assert np.array_equal(bias, folded_bias(layer))
        assert packed.aligned or unit_bits == 1


@settings(max_examples=60, deadline=None)
@given(policies(), st.sampled_from(UNITS), st.booleans())
def test_unpack_is_the_inverse(policy, unit_bits, in_order):
    live = simplify(policy)
    live = sort_neurons(live) if in_order else live
    _check([layer for layer in live.layers if layer.rows], unit_bits)


@pytest.mark.parametrize("unit_bits", UNITS)
@pytest.mark.parametrize("name", EDGES)
def test_nothing_is_lost_at_the_edges(name, unit_bits):
    _check([layer for layer in EDGES[name].layers if layer.rows], unit_bits)


widths = st.builds(Width, st.integers(1, 12), st.just(True))


@given(st.lists(st.tuples(st.integers(1, 3000), widths, st.integers(0, 255))))
def test_fields_and_distances_are_read_back(items):
    writer = FieldWriter()
    for distance, width, field in items:
        writer.write_distance(distance, width)
        writer.write(field, 8)
    reader = FieldReader(writer.to_bytes())
    assert [(reader.read_distance(width), reader.read(8)) for _, width, _ in items] == [(d, f) for d, _, f in items]


@given(st.lists(st.integers(1, 1 << 20), min_size=1, max_size=60), st.sampled_from(UNITS))
def test_the_best_width_is_as_short_as_any(distances, unit_bits):
    distances = np.array(distances)
    best = best_width(distances, unit_bits)
    others = [Width(bits, True) for bits in range(unit_bits, MAX_DISTANCE_BITS + 1, unit_bits)]
    assert best.cost_bits(distances) <= min(other.cost_bits(distances) for other in others)
    writer = FieldWriter()
    for distance in distances.tolist():
        writer.write_distance(distance, best)


@pytest.mark.parametrize(("value", "bits"), [(4, 2), (1, 0), (-1, 8)])
def test_a_field_that_is_too_narrow_is_refused(value, bits):
    with pytest.raises(ValueError, match=f"{value} does not fit a field of {bits} bits"):
        FieldWriter().write(value, bits)


def _layer(weights: np.ndarray, bias: int | np.ndarray = 0, shifts: int | np.ndarray = 0) -> Linear:
    rows = len(weights)
    exponents = np.full(rows, -3) - shifts
    return Linear(weights, np.broadcast_to(bias, rows).astype(np.int32), exponents, -7, -10, 16, False)


def _random(bits: int, rows: int, columns: int, density: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    weights = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (rows, columns))
    weights.flat[0] = -(1 << (bits - 1))
    return np.where(rng.random(weights.shape) < density, weights, 0).astype(np.int8)


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_take_as_many_bits_as_they_need(bits):
    (packed,) = pack([_layer(_random(bits, 16, 32, 1.0))])
    assert packed.weight_bits == bits and packed.distance.bits == 0
    assert len(packed.content) == 16 * 32 * bits // 8


@pytest.mark.parametrize(("density", "bits"), [(1.0, (0,)), (0.6, (1,)), (0.15, (3, 4)), (0.02, (6, 7, 8))])
def test_distances_are_what_the_density_asks_for(density, bits):
    (packed,) = pack([_layer(_random(8, 400, 100, density))])
    assert packed.distance.bits in bits


@pytest.mark.parametrize("columns", [1, 2, 255, 256, 257, 1024])
@pytest.mark.parametrize("unit_bits", UNITS)
def test_one_weight_in_the_last_cell(columns, unit_bits):
    weights = np.zeros((3, columns), np.int8)
    weights[-1, -1] = -128
    _check([_layer(weights)], unit_bits)


def test_a_wide_weight_and_a_long_way_fit_one_word():
    weights = np.zeros((300, 300), np.int16)
    weights[-1, -1] = -(1 << 15)
    (packed,) = pack([_layer(weights)])
    assert packed.weight_bits + packed.distance.bits <= 32
    _check([_layer(weights)], 1)


@pytest.mark.parametrize(
    ("biases", "bits", "ascending"),
    [([5, 5, 5], 0, False), ([0, 255, 3], 8, False), ([-70000, 0, 70000, 60000], 18, False), (range(300), 2, True)],
)
def test_biases_are_as_narrow_as_they_can_be(biases, bits, ascending):
    (packed,) = pack([_layer(np.ones((len(biases), 1), np.int8), np.array(biases))])
    assert (packed.step.bits, packed.ascending) == (bits, ascending)


@pytest.mark.parametrize(("shifts", "shift", "bits"), [([4, 4, 4], 4, 0), ([4, 9, 5], 4, 3)])
def test_shifts_cost_nothing_where_all_rows_agree(shifts, shift, bits):
    (packed,) = pack([_layer(np.ones((3, 1), np.int8), 0, np.array(shifts))])
    assert (packed.shift, packed.extra_bits) == (shift, bits)


def _powers_of_two(policy: Policy) -> Policy:
    """The same policy with each weight rounded down to a power of two."""

    def rounded(layer: Linear) -> Linear:
        magnitude = np.abs(layer.weights.astype(int))
        power = np.where(magnitude, 1 << np.log2(np.maximum(magnitude, 1)).astype(int), 0)
        return replace(layer, weights=(np.sign(layer.weights) * power).astype(np.int8))

    policy = replace(policy, layers=tuple(map(rounded, policy.layers)))
    return replace(policy, digest=digest(policy))


def test_a_codebook_is_shared_where_it_pays():
    policy = simplify(_powers_of_two(random_policy(1, (11, 64, 64, 3), 0.8)))
    packed = pack(policy.layers)
    assert {layer.codebook for layer in packed} == {packed[0].codebook} and packed[0].weight_bits == 4
    assert packed[0].codebook == (-64, -32, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32, 64)
    _check(list(policy.layers), 1)


def test_there_is_no_codebook_for_weights_of_all_values():
    policy = simplify(random_policy(1, (11, 64, 64, 3), 0.8))
    assert not any(layer.codebook for layer in pack(policy.layers))


def test_only_layers_that_gain_use_the_codebook():
    policy = random_policy(1, (40, 64, 3), 0.0)
    first = _powers_of_two(policy).layers[0]
    coded, plain = pack([first, policy.layers[1]])
    assert coded.codebook and not plain.codebook


@pytest.mark.parametrize("kernel", ["packed", "bytes"])
def test_codebooks_and_narrow_weights_equal_the_oracle(kernel, tmp_path):
    base = random_policy(2, (11, 40, 30, 3), 0.7, hidden_bits=16)
    narrow = replace(base, layers=tuple(replace(layer, weights=layer.weights >> 5) for layer in base.layers))
    cases = {"powers": _powers_of_two(base), "narrow": replace(narrow, digest=digest(narrow))}
    plans = [compile_policy(policy, CompileOptions(name, kernel)) for name, policy in cases.items()]
    assert "powers_codebook" in plans[0].files["powers.h"] or kernel == "bytes"
    batch = Batch(plans, tmp_path, c_compilers()[0], "-O1", "-std=c99", *STRICT)
    for plan in plans:
        sample = codes(cases[plan.name], 1, 200)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(cases[plan.name], sample))

"""Golomb-Rice codes: every value comes back, in as many bits as were promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.codegen.kernels.rice import WINDOW_BITS, BitReader, BitWriter, best_parameter, cost_bits, fold, unfold

CODES = st.integers(0, 31).flatmap(
    lambda parameter: st.tuples(st.integers(0, min(40 << parameter, 2**32)), st.just(parameter))
)


@given(st.lists(CODES, max_size=20))
def test_reading_is_the_inverse_of_writing(codes):
    writer = BitWriter()
    for value, parameter in codes:
        writer.write(value, parameter)
    stream = writer.to_bytes()
    reader = BitReader(stream)
    assert [reader.read(parameter) for _, parameter in codes] == [value for value, _ in codes]
    bits = sum(cost_bits(np.array([value]), parameter) for value, parameter in codes)
    assert bits <= 8 * len(stream) < bits + 8 + 32


@given(st.lists(CODES, min_size=1, max_size=20))
def test_four_bytes_can_be_read_from_where_the_last_code_begins(codes):
    writer = BitWriter()
    for value, parameter in codes:
        writer.write(value, parameter)
    before = sum((value >> parameter) + 1 + parameter for value, parameter in codes[:-1])
    assert before // 8 + 4 <= len(writer.to_bytes())


def test_a_code_is_quotient_one_remainder():
    writer = BitWriter()
    writer.write(0b1101, 2)
    assert writer.to_bytes() == bytes([0b00010100, 0, 0, 0])
    assert writer.longest_bits == 6


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_folding_loses_nothing(values):
    codes = fold(np.array(values))
    assert codes.min() >= 0 and [unfold(code) for code in codes.tolist()] == values


def test_folded_values_begin_with_minus_one():
    assert fold(np.array([-1, 0, -2, 1, -128, 127])).tolist() == [0, 1, 2, 3, 254, 255]


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=30))
def test_no_parameter_is_better_than_the_best(values):
    array = np.array(values)
    parameter = best_parameter(array)
    allowed = [k for k in range(32) if (max(values) >> k) + 1 + k <= WINDOW_BITS] or range(32)
    assert parameter in allowed
    assert cost_bits(array, parameter) == min(cost_bits(array, k) for k in allowed)


@pytest.mark.parametrize(("value", "longest"), [(2**24 - 1, 25), (2**25, 26)])
def test_codes_stay_in_the_window_while_they_can(value, longest):
    writer = BitWriter()
    writer.write(value, best_parameter(np.array([value] + [0] * 100)))
    assert (writer.longest_bits <= WINDOW_BITS) == (longest <= WINDOW_BITS)

"""Names and numbers in C."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.codegen.c_text import IdentifierError, c_array, c_float, check_identifier


@pytest.mark.parametrize("name", ["hopper", "Walker2d", "half_cheetah", "a", "x" * 31])
def test_identifiers_that_are_allowed(name):
    check_identifier(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "a letter first"), ("2d", "a letter first"), ("_x", "a letter first"), ("a__b", "single underscores"),
        ("a_", "single underscores"), ("a-b", "allowed"), ("a b", "allowed"), ("é", "allowed"), ("a\n", "allowed"),
        ("x" * 32, "1 to 31"), ("../x", "allowed"), ("int", "reserved word"), ("class", "reserved word"),
        ("restrict", "reserved word"), ("stdint", "hide a header"), ("ganglion_policy", "hide a header"),
    ],
)  # fmt: skip
def test_identifiers_that_are_not(name, reason):
    with pytest.raises(IdentifierError, match=reason):
        check_identifier(name)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literals_read_back_exactly(value):
    text = c_float(np.float32(value))
    assert text.endswith("f")
    assert struct.pack("f", float(text[:-1])) == struct.pack("f", value)


def test_arrays_wrap_and_keep_their_order():
    array = c_array("name", np.arange(-100, 100, dtype=np.int16))
    assert (array.type, array.name, array.count) == ("int16_t", "name", 200)
    assert max(map(len, array.text.splitlines())) <= 112
    assert [int(v) for v in array.text.replace("\n", " ").split(",")] == list(range(-100, 100))
    assert c_array("bits", np.array([1, 2**31], np.uint32), hexadecimal=True).text == "    0x00000001u, 0x80000000u"

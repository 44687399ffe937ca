"""C as text: identifiers, numbers and arrays, formatted once and the same on every machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_MAX_LENGTH = 31
_WIDTH = 110
_C_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
"""
_CPP_WORDS = """
alignas alignof and and_eq asm bitand bitor bool catch char16_t char32_t class compl concept const_cast constexpr
decltype delete dynamic_cast explicit export false friend main mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public reinterpret_cast requires static_assert static_cast template
this thread_local throw true try typeid typename using virtual wchar_t xor xor_eq
"""
_HEADERS = """
assert complex ctype errno fenv ganglion_policy inttypes iso646 limits locale math setjmp signal stdalign stdarg
stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
"""
_RESERVED = frozenset((_C_WORDS + _CPP_WORDS).split())
_HEADER_NAMES = frozenset(_HEADERS.split())


class IdentifierError(ValueError):
    """A name that cannot prefix C and C++ identifiers; says why and what is allowed."""


@dataclass(frozen=True)
class CArray:
    """A constant array: element type, full name, number of elements, and the initialiser's text."""

    type: str
    name: str
    count: int
    text: str


def check_identifier(name: str) -> None:
    """Raise IdentifierError unless `name` can prefix identifiers, macros and file names in C99 and C++11."""
    allowed = f"allowed: 1 to {_MAX_LENGTH} of a-z, A-Z, 0-9 and single underscores, a letter first"
    if not re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name, re.ASCII) or len(name) > _MAX_LENGTH:
        raise IdentifierError(f"{name!r} cannot be the name of a policy; {allowed}")
    if name in _RESERVED:
        raise IdentifierError(f"{name!r} is a reserved word of C or C++; choose another name, such as {name}_policy")
    if name.lower() in _HEADER_NAMES:
        raise IdentifierError(f"{name}.h would hide a header of that name; choose another name, such as {name}_net")


def c_type(dtype: np.dtype) -> str:
    """The stdint.h name (or float) of a numpy type."""
    return "float" if dtype == np.float32 else f"{np.dtype(dtype).name}_t"


def c_float(value: np.float32) -> str:
    """A literal that every correctly rounding compiler reads back as exactly `value`."""
    return f"{float(value):.8e}f"


def c_array(name: str, values: np.ndarray, hexadecimal: bool = False) -> CArray:
    """A one- or two-dimensional array, flattened, with wrapped lines."""
    flat = values.ravel()
    if flat.dtype == np.float32:
        numbers: Iterable[str] = map(c_float, flat)
    elif hexadecimal:
        numbers = (f"0x{int(value):08x}u" for value in flat)
    else:
        numbers = (str(int(value)) for value in flat)
    return CArray(c_type(flat.dtype), name, flat.size, wrap(numbers))


def wrap(items: Iterable[str]) -> str:
    """Items separated by commas, on indented lines of limited width."""
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > _WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {item}," if line else f"    {item},"
    return "\n".join([*lines, line] if line else lines).removesuffix(",")

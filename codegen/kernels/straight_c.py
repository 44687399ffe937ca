"""Straight-line code as the template straight.h.j2 prints it: frame, statements and table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..policy import Policy
from ..thumb.immediate import PLAIN_LIMIT, is_modified
from .lanes import lanes
from .straight import Straight, straight
from .straight_v6m import straight_v6m

_SAVED = ("r1", "r4-r11", "lr")
_SAVED_WORDS = 10
_STATEMENT_LINES = 100


@dataclass(frozen=True)
class StraightFunction:
    """A function as straight.h.j2 prints it: groups of lines, each one statement, and the table that it reads.

    `thumb` is the least version of the Thumb instruction set that the code needs, 1 or 2.
    """

    statements: tuple[tuple[str, ...], ...]
    table: CArray | None
    stack_bytes: int
    architecture: str
    thumb: int
    needs_dsp: bool


def straight_function(name: str, policy: Policy, bounds: Sequence[LayerBounds]) -> StraightFunction:
    """The function of kernel straight; the bounds are proved, and nothing more of them is needed."""
    return _framed(name, straight(policy), "ARMv7-M")


def shifts_function(name: str, policy: Policy, bounds: Sequence[LayerBounds]) -> StraightFunction:
    """The function of kernel shifts: straight for cores on which a multiply-accumulate takes two cycles."""
    return _framed(name, straight(policy, shifts=True), "ARMv7-M")


def lanes_function(name: str, policy: Policy, bounds: Sequence[LayerBounds]) -> StraightFunction:
    """The function of kernel lanes, for cores with the DSP extension."""
    return _framed(name, lanes(policy, bounds), "ARMv7E-M", needs_dsp=True)


def straight_v6m_function(name: str, policy: Policy, bounds: Sequence[LayerBounds]) -> StraightFunction:
    """The function of kernel straight-v6m, for all cores."""
    made = straight_v6m(policy, bounds)
    return StraightFunction(
        _statements(made.lines), _table(name, made.table), made.stack_bytes, "ARMv6-M", thumb=1, needs_dsp=False
    )


def _framed(name: str, program: Straight, architecture: str, needs_dsp: bool = False) -> StraightFunction:
    """Frame, lines and table of `program`."""
    return StraightFunction(
        statements=_statements(list(_with_frame(program))),
        table=_table(name, program.code.table),
        stack_bytes=4 * (program.frame_words + _SAVED_WORDS),
        architecture=architecture,
        thumb=2,
        needs_dsp=needs_dsp,
    )


def _statements(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(lines[at : at + _STATEMENT_LINES]) for at in range(0, len(lines), _STATEMENT_LINES))


def _table(name: str, words: Sequence[int]) -> CArray | None:
    return c_array(f"{name}_weights", np.array(words, np.uint32), hexadecimal=True) if words else None


def _with_frame(program: Straight) -> Iterator[str]:
    frame_bytes = 4 * program.frame_words
    yield f"push {{{', '.join(_SAVED)}}}"
    if frame_bytes:
        yield _move_stack("sub", frame_bytes)
    yield from program.code.lines
    yield _move_stack("add", frame_bytes + 4)
    yield f"pop {{{_SAVED[1]}, pc}}"


def _move_stack(name: str, count: int) -> str:
    """The instruction that moves SP by `count` bytes, short where there is a short one (up to 508)."""
    if count <= 508 or is_modified(count):
        return f"{name} sp, sp, #{count}"
    if count >= PLAIN_LIMIT:
        raise ValueError(f"a frame of {count} bytes; one instruction moves SP by less than {PLAIN_LIMIT}")
    return f"{name}w sp, sp, #{count}"

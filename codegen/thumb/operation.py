"""Operations on named values, and the one line of text of each.

A value is read from memory, is a constant, or lies in an accumulator. What is in memory or constant can be fetched
again whenever its register is needed for something else; an accumulator keeps its register from the operation
that starts it to the one that ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Memory:
    """What `mnemonic` loads at `base` + `offset_bytes`; `base` is "sp" or the name of an accumulator."""

    mnemonic: str
    base: str
    offset_bytes: int


@dataclass(frozen=True)
class Constant:
    """A 32-bit constant that a move instruction loads."""

    value: int


@dataclass(frozen=True)
class TableWord:
    """A 32-bit constant that is loaded from the table of constants."""

    value: int


@dataclass(frozen=True)
class Accumulator:
    """The value that lies in the accumulator called `name`."""

    name: str


Value = Memory | Constant | TableWord | Accumulator


@dataclass(frozen=True)
class Operation:
    """One instruction: `kind` is a key of TEXT (or "set", a constant into `target`, or "add constant").

    `sources` and `immediates` fill the text. The first operation of an accumulator `starts` it; after the operation
    the accumulators `ends` are dead. A store names in `stores` the memory value that it changes.
    """

    kind: str
    target: str = ""
    sources: tuple[Value, ...] = ()
    immediates: tuple[int, ...] = ()
    starts: bool = False
    ends: tuple[str, ...] = ()
    stores: Memory | None = None


SET = "set"
SET_FROM_TABLE = "set from table"
ADD_CONSTANT = "add constant"
NOTHING = "nothing"

TEXT = {
    "mla": "mla {target}, {0}, {1}, {target}",
    "mls": "mls {target}, {0}, {1}, {target}",
    "mul": "mul {target}, {0}, {1}",
    "add": "add {target}, {0}",
    "subtract": "sub.w {target}, {target}, {0}",
    "add shifted": "add.w {target}, {target}, {0}, lsl #{i}",
    "subtract shifted": "sub.w {target}, {target}, {0}, lsl #{i}",
    "copy": "mov {target}, {0}",
    "shift left": "lsl.w {target}, {0}, #{i}",
    "shift right": "asr.w {target}, {target}, #{i}",
    "saturate unsigned": "usat {target}, #{i}, {target}",
    "saturate signed": "ssat {target}, #{i}, {target}",
    "shift and saturate unsigned": "usat {target}, #{i}, {target}, asr #{j}",
    "shift and saturate signed": "ssat {target}, #{i}, {target}, asr #{j}",
    "multiply bb": "smlabb {target}, {0}, {1}, {target}",
    "multiply bt": "smlabt {target}, {0}, {1}, {target}",
    "multiply tb": "smlatb {target}, {0}, {1}, {target}",
    "multiply tt": "smlatt {target}, {0}, {1}, {target}",
    "multiply both": "smlad {target}, {0}, {1}, {target}",
    "multiply bb new": "smulbb {target}, {0}, {1}",
    "multiply bt new": "smulbt {target}, {0}, {1}",
    "multiply both new": "smuad {target}, {0}, {1}",
    "pack": "pkhbt {target}, {target}, {0}, lsl #16",
    "pack new": "pkhbt {target}, {0}, {1}, lsl #16",
    "lanes minus": "uqsub16 {target}, {target}, {0}",
    "double lanes": "uqadd16 {target}, {target}, {target}",
    "upper bytes": "uxtb16 {target}, {target}, ror #8",
    "shift right logical": "lsr.w {target}, {target}, #{i}",
    "and": "and.w {target}, {target}, {0}",
    "store": "str {0}, [sp, #{i}]",
    "store half": "strh {0}, [{1}, #{i}]",
    "store byte": "strb {0}, [{1}, #{i}]",
}


def in_shifts(operation: Operation) -> tuple[Operation, ...]:
    """Two shifted additions or subtractions that do what the "mla" or "mls" `operation` does with a positive constant,
    if that is the sum or difference of two powers of two, else none."""
    value, constant = operation.sources
    if not isinstance(constant, Constant):
        return ()
    low = constant.value & -constant.value
    for high, sign in ((constant.value - low, 1), (constant.value + low, -1)):
        if high & (high - 1) == 0:
            positive = operation.kind == "mla"
            return (_shifted(operation, value, high, positive), _shifted(operation, value, low, positive == (sign > 0)))
    return ()


def _shifted(operation: Operation, value: Value, power: int, positive: bool) -> Operation:
    kind, shift = "add" if positive else "subtract", power.bit_length() - 1
    if shift:
        kind += " shifted"
    return replace(operation, kind=kind, sources=(value,), immediates=(shift,))

"""Straight-line code of a whole policy: one operation for each nonzero weight, no loop, no branch, no table.

A weight of +-2**k is a shifted addition; others are multiplied by their magnitude, which stays in a register as long
as it pays. Hidden activations are words on the stack. A small output layer is fused into the layer before it: each
finished row goes to the outputs at once and is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..policy import Linear, Policy
from ..thumb import operation as op
from ..thumb.allocate import Code, allocate
from ..thumb.immediate import is_addend, load_cost
from ..thumb.operation import Accumulator, Constant, Memory, Operation, Value
from ..thumb.order import order_jobs

CODES = "codes"
MAX_FUSED_OUTPUTS = 4
MAX_FRAME_WORDS = 1023
MAX_CODE_OFFSET_BYTES = 4095
REGISTERS = (*(f"r{number}" for number in range(13)), "lr")
_BASE_STEP = 8192
_MEMORIES = (6, 8, 12, 16)
_WINDOW_LOADS = (4, 5)


class StraightError(ValueError):
    """A policy that is too wide for straight-line code; says what is allowed and which kernel takes it."""


@dataclass(frozen=True)
class Row:
    """One row: its weights by the value that they multiply, and its bias with the rounding half."""

    index: int
    terms: tuple[tuple[Value, int], ...]
    bias: int


@dataclass(frozen=True)
class Straight:
    """A program: its code and the words of stack that it addresses."""

    code: Code
    frame_words: int


def straight(policy: Policy, shifts: bool = False) -> Straight:
    """Straight-line code of a simplified policy whose bounds are proved; the fastest of several orders.

    With `shifts`, a weight that is the sum or difference of two powers of two becomes two shifted additions unless its
    magnitude lies in a register already: on a Cortex-M3, whose MLA takes two cycles, that saves the move. At the
    start r0 holds the address of the codes; the address for the outputs lies at [sp, #4 * frame_words].
    StraightError when the hidden layers or the observation are too wide to be addressed.
    """
    frame_words = check_width(policy)
    best = None
    for memory in _MEMORIES:
        operations = list(_program(policy, frame_words, memory))
        for window_loads in _WINDOW_LOADS:
            code = allocate(operations, REGISTERS, {CODES: "r0"}, window_loads=window_loads, shifts=shifts)
            if best is None or code.cycles < best.cycles:
                best = code
    return Straight(best, frame_words)


def check_width(policy: Policy) -> int:
    """Words of stack for hidden activations, one each; StraightError when something is too wide to be addressed."""
    words = sum(layer.rows for layer in policy.layers[:-1])
    words -= policy.layers[-2].rows if is_fused(policy) else 0
    if words > MAX_FRAME_WORDS:
        raise StraightError(
            f"{words} hidden activations have to be stored; straight-line code addresses {MAX_FRAME_WORDS}: "
            "use the kernel csr, or a narrower policy"
        )
    last = (policy.features - 1) * policy.observation.bits // 8
    if last > MAX_CODE_OFFSET_BYTES:
        raise StraightError(
            f"{policy.features} features of {policy.observation.bits} bits reach byte {last}; straight-line code "
            f"addresses {MAX_CODE_OFFSET_BYTES}: use the kernel csr"
        )
    return words


def is_fused(policy: Policy) -> bool:
    """Whether the last layer is computed together with the one before it."""
    return len(policy.layers) > 1 and policy.layers[-1].rows <= MAX_FUSED_OUTPUTS and policy.layers[-2].rows > 0


def _program(policy: Policy, frame_words: int, memory: int) -> Iterator[Operation]:
    values, free_word = code_values(policy), 0
    fused = is_fused(policy)
    for index, layer in enumerate(policy.layers[: -2 if fused else -1]):
        slots = slots_of(policy.layers[index + 1], free_word)
        free_word += layer.rows
        yield from _layer(layer, values, memory, lambda row, slots=slots: store(row, slots[row]))
        if index == 0:
            yield Operation(op.NOTHING, ends=(CODES,))
        values = slots
    output = policy.layers[-1]
    if fused:
        biases = output.bias + half(output)
        yield from (Operation(op.SET, f"z{z}", (), (int(biases[z]),), True) for z in range(output.rows))
        hidden = policy.layers[-2]
        yield from _layer(hidden, values, memory, lambda row: _into_outputs(row, output))
    else:
        yield from _layer(output, values, memory, lambda row: write_output(row, output, frame_words))
    if fused:
        for z in range(output.rows):
            yield requantise(f"z{z}", int(output.shifts[z]), output)
            yield from write_output(z, output, frame_words, f"z{z}")


def code_values(policy: Policy) -> list[Value]:
    """The observation codes in memory."""
    observation = policy.observation
    load = f"ldr{'s' if observation.code_range[0] < 0 else ''}{'b' if observation.bits == 8 else 'h'}.w"
    return [Memory(load, CODES, observation.bits // 8 * i) for i in range(policy.features)]


def slots_of(reader: Linear, first_word: int) -> list[Value]:
    """A stack word for each column of `reader`, the most read ones nearest, where loads are short."""
    rank = np.argsort(np.argsort(-np.count_nonzero(reader.weights, axis=0), kind="stable"))
    return [Memory("ldr", "sp", 4 * (first_word + int(place))) for place in rank]


def _layer(
    layer: Linear, values: Sequence[Value], memory: int, finish: Callable[[int], Iterator[Operation]]
) -> Iterator[Operation]:
    rows = layer_rows(layer, values)
    bases = _bases(rows)
    for number in order_jobs([_reads(row) for row in rows], memory):
        row = rows[number]
        yield from _sum(row, name(row.index), bases)
        yield requantise(name(row.index), int(layer.shifts[row.index]), layer)
        yield from finish(row.index)


def name(row: int) -> str:
    """The accumulator of row `row` of the layer that is being computed."""
    return f"row{row}"


def layer_rows(layer: Linear, values: Sequence[Value]) -> list[Row]:
    """Rows with their nonzero weights; the rounding half is in the bias."""
    biases = layer.bias + half(layer)
    return [
        Row(index, tuple((values[c], int(row[c])) for c in np.flatnonzero(row)), int(biases[index]))
        for index, row in enumerate(layer.weights)
    ]


def half(layer: Linear) -> np.ndarray:
    """What rounding half up adds to each row before its shift, int64 (rows,)."""
    return np.left_shift(np.int64(1), layer.shifts.astype(np.int64)) >> 1


def _reads(row: Row) -> list[Hashable]:
    """What a row wants in registers: values, and magnitudes that must be multiplied."""
    return [*(value for value, _ in row.terms), *(abs(w) for _, w in row.terms if not is_power_of_two(w))]


def is_power_of_two(weight: int) -> bool:
    """Whether |weight| is a power of two (or the weight is 0)."""
    return abs(weight) & (abs(weight) - 1) == 0


def _sum(row: Row, target: str, bases: list[int]) -> Iterator[Operation]:
    """Bias and products into a new accumulator `target`."""
    positive = next((term for term in row.terms if term[1] > 0), None)
    base = next((base for base in bases if is_addend(row.bias - base)), None)
    if load_cost(row.bias) == 1 or ((positive is None or not is_addend(row.bias)) and base is None):
        yield Operation(op.SET, target, (), (row.bias,), True)
        rest = row.terms
    elif positive is not None and is_addend(row.bias):
        yield _product(target, *positive)
        yield Operation(op.ADD_CONSTANT, target, (), (row.bias,))
        rest = tuple(term for term in row.terms if term is not positive)
    else:
        yield Operation(op.ADD_CONSTANT, target, (Constant(base),), (row.bias - base,), True)
        rest = row.terms
    yield from (accumulate(target, value, weight) for value, weight in rest)


def _product(target: str, value: Value, weight: int) -> Operation:
    if is_power_of_two(weight):
        return Operation("shift left", target, (value,), (weight.bit_length() - 1,), True)
    return Operation("mul", target, (value, Constant(weight)), (), True)


def accumulate(target: str, value: Value, weight: int) -> Operation:
    """target += value * weight."""
    sign = "add" if weight > 0 else "subtract"
    if abs(weight) == 1:
        return Operation(sign, target, (value,))
    if is_power_of_two(weight):
        return Operation(f"{sign} shifted", target, (value,), (abs(weight).bit_length() - 1,))
    return Operation("mla" if weight > 0 else "mls", target, (value, Constant(abs(weight))))


def _bases(rows: list[Row]) -> list[int]:
    """Constants from which several biases, each of two instructions by itself, are one addition away."""
    costly = [row.bias for row in rows if load_cost(row.bias) > 1]
    centres = [round(bias / _BASE_STEP) * _BASE_STEP - 1 for bias in costly]
    return sorted(base for base in set(centres) if centres.count(base) > 2 and load_cost(base) == 1)


def requantise(target: str, shift: int, layer: Linear) -> Operation:
    """The one instruction that shifts and saturates."""
    kind = "unsigned" if layer.relu else "signed"
    if shift == 0:
        return Operation(f"saturate {kind}", target, (), (layer.output_bits,))
    return Operation(f"shift and saturate {kind}", target, (), (layer.output_bits, shift))


def store(row: int, slot: Memory) -> Iterator[Operation]:
    """Store row `row` and end its accumulator."""
    yield store_accumulator(name(row), slot)


def store_accumulator(accumulator: str, slot: Memory) -> Operation:
    """Store `accumulator` and end it."""
    return Operation("store", "", (Accumulator(accumulator),), (slot.offset_bytes,), ends=(accumulator,), stores=slot)


def _into_outputs(row: int, output: Linear) -> Iterator[Operation]:
    for z in np.flatnonzero(output.weights[:, row]):
        yield accumulate(f"z{z}", Accumulator(name(row)), int(output.weights[z, row]))
    yield Operation(op.NOTHING, ends=(name(row),))


def write_output(row: int, layer: Linear, frame_words: int, accumulator: str | None = None) -> Iterator[Operation]:
    """Store output `row`; the address of the outputs lies behind the frame."""
    accumulator = accumulator or name(row)
    pointer = Memory("ldr", "sp", 4 * frame_words)
    kind, width = ("store byte", 1) if layer.output_bits == 8 else ("store half", 2)
    yield Operation(kind, "", (Accumulator(accumulator), pointer), (width * row,), ends=(accumulator,))

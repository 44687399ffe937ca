"""Straight-line code of a whole policy in the instructions that every Cortex-M has, those of ARMv6-M.

Two thirds of a Cortex-M0+'s cycles would go into fetching values and constants. Where they lie is chosen here, and
thumb/low_rows.py prints the rows: observation codes that are read often lie in high registers or on the stack,
others where the caller left them; hidden activations are words on the stack, the most read ones where SP reaches them.
A small output layer is fused into the layer before it: its sums, those of positive and negative products apart, are
high registers, which ADD reaches. Time is constant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..bounds import LayerBounds
from ..policy import Policy
from ..thumb.low_registers import MAX_WORDS, OUTPUTS, Code, High, Home, LowRegisters, Value, Word
from ..thumb.low_rows import Job, LowRows
from ..thumb.order import order_jobs
from .straight import StraightError, half

MAX_FUSED_OUTPUTS = 3
_CODES = -1
_HIGH = ("r12", "lr", "r8", "r9", "r10", "r11")
_SAVED = {"r8": "r4", "r9": "r5", "r10": "r6", "r11": "r7"}
_PUSHED_WORDS = 5
_MAX_STEP_BYTES = 508
_MAX_READS_IN_PLACE = 4
_MEMORIES = (6, 12)
_GROUPS = (2, 3)


@dataclass(frozen=True)
class StraightV6m:
    """A function: its instructions, the words of its table, its stack, and what it takes on a Cortex-M0+."""

    lines: tuple[str, ...]
    table: tuple[int, ...]
    stack_bytes: int
    cycles: int


def straight_v6m(policy: Policy, bounds: Sequence[LayerBounds]) -> StraightV6m:
    """The function of a simplified policy with its proved bounds; the fastest of several orders.

    At its start r0 holds the address of the codes, r1 that of the outputs and r2 that of the table. StraightError
    when the stack would have to hold too many words.
    """
    programs = [_Program(policy, bounds, memory) for memory in _MEMORIES]
    return min((_function(*tried) for tried in product(programs, _GROUPS)), key=lambda function: function.cycles)


class _Program:
    """The rows in their order, and the homes of all values."""

    def __init__(self, policy: Policy, bounds: Sequence[LayerBounds], memory: int) -> None:
        self.policy, self._bounds = policy, bounds
        small = len(policy.layers) > 1 and policy.layers[-1].rows <= MAX_FUSED_OUTPUTS
        self.fused = small and policy.layers[-2].rows > 0
        self.layers = [self._jobs(index, memory) for index in range(len(policy.layers) - self.fused)]
        self.homes = self._homes()
        self.frame_words = sum(isinstance(home, Word) for home in self.homes.values())
        if self.frame_words > MAX_WORDS:
            raise StraightError(
                f"{self.frame_words} words have to lie on the stack; straight-line code addresses {MAX_WORDS}: "
                "use the kernel csr, or a narrower policy"
            )
        outputs = policy.layers[-1].rows if self.fused else 0
        self.sums = tuple(zip(_HIGH[0 : 2 * outputs : 2], _HIGH[1 : 2 * outputs : 2], strict=True))

    @property
    def saved(self) -> list[str]:
        """High registers that belong to the caller and are used."""
        used = {home.register for home in self.homes.values() if isinstance(home, High)}
        used.update(register for pair in self.sums for register in pair)
        return [register for register in _SAVED if register in used]

    def excess(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Which rows' shifted sums can lie below and above their codes, both bool (rows,)."""
        layer, sums = self.policy.layers[index], self._bounds[index].accumulator
        low, high = ((end + half(layer)) >> layer.shifts for end in (sums.low, sums.high))
        return low < layer.output_range[0], high > layer.output_range[1]

    def _jobs(self, index: int, memory: int) -> list[Job]:
        layer, output = self.policy.layers[index], self.policy.layers[-1]
        below, above = self.excess(index)
        biases = layer.bias + half(layer)
        feeds, stored = self.fused and index == len(self.policy.layers) - 2, layer.relu
        jobs = [
            Job(
                bias=int(biases[row]),
                terms=tuple((Value(index - 1, int(c)), int(weights[c])) for c in np.flatnonzero(weights)),
                shift=int(layer.shifts[row]),
                bits=layer.output_bits,
                relu=bool(below[row]),
                saturates=bool(above[row]),
                target=Value(index, row) if stored and not feeds else None,
                feeds=tuple((int(z), int(output.weights[z, row])) for z in np.flatnonzero(output.weights[:, row]))
                if feeds
                else (),
                output=None if layer.relu else row,
            )
            for row, weights in enumerate(layer.weights)
        ]
        return [jobs[number] for number in order_jobs([[value for value, _ in job.terms] for job in jobs], memory)]

    def _homes(self) -> dict[Value, Home]:
        reads = Counter(value for layer in self.layers for job in layer for value, _ in job.terms)
        width = self.policy.observation.bits // 8
        ranked = [value for value, _ in reads.most_common()]
        codes = [value for value in ranked if value.layer == _CODES]
        often = [value for value in codes if reads[value] > _MAX_READS_IN_PLACE]
        high = dict(zip(often, map(High, _HIGH), strict=False))
        words = [OUTPUTS, *(value for value in ranked if value.layer != _CODES or value in often[len(high) :])]
        in_place = {value: Code(width * value.index, width) for value in codes}
        return in_place | high | {value: Word(number) for number, value in enumerate(words)}


def _function(program: _Program, group: int) -> StraightV6m:
    """The code that loads `group` constants at a time."""
    jobs = [job for layer in program.layers for job in layer]
    printer = LowRows(jobs, program.homes, group, program.sums)
    _enter(printer, program)
    _copy_codes(printer, program)
    first_feeding = len(jobs) - len(program.layers[-1])
    for number in range(len(jobs)):
        if program.fused and number == first_feeding:
            output = program.policy.layers[-1]
            printer.start_sums((output.bias + half(output)).tolist())
        printer.run(number)
    if program.fused:
        below, above = program.excess(-1)
        printer.end_sums(program.policy.layers[-1].shifts.tolist(), (below | above).tolist())
    _leave(printer, program)
    stack_bytes = 4 * (program.frame_words + _PUSHED_WORDS + len(program.saved))
    return StraightV6m(tuple(printer.lines), tuple(printer.table), stack_bytes, printer.cycles)


def _enter(printer: LowRegisters, program: _Program) -> None:
    printer.emit("push {r4-r7, lr}", 1 + _PUSHED_WORDS)
    for register in program.saved:
        printer.emit(f"mov {_SAVED[register]}, {register}")
    if program.saved:
        printer.emit(f"push {{{_low(program.saved)}}}", 1 + len(program.saved))
    _move_stack(printer, "sub", 4 * program.frame_words)
    printer.emit("str r1, [sp, #0]", 2)


def _leave(printer: LowRegisters, program: _Program) -> None:
    _move_stack(printer, "add", 4 * program.frame_words)
    if program.saved:
        printer.emit(f"pop {{{_low(program.saved)}}}", 1 + len(program.saved))
    for register in program.saved:
        printer.emit(f"mov {register}, {_SAVED[register]}")
    printer.emit("pop {r4-r7, pc}", 3 + _PUSHED_WORDS)


def _low(saved: Sequence[str]) -> str:
    return ", ".join(_SAVED[register] for register in saved)


def _move_stack(printer: LowRegisters, name: str, count: int) -> None:
    for step in range(0, count, _MAX_STEP_BYTES):
        printer.emit(f"{name} sp, #{min(_MAX_STEP_BYTES, count - step)}")


def _copy_codes(printer: LowRegisters, program: _Program) -> None:
    """Codes that are read often to their homes; the address of the codes is free when no other is read."""
    width = program.policy.observation.bits // 8
    for value, home in sorted(program.homes.items(), key=lambda item: item[0].index):
        if value.layer == _CODES and not isinstance(home, Code):
            register = printer.take()
            printer.load_code(register, Code(width * value.index, width))
            printer.move_home(value, register)
            printer.release(register)

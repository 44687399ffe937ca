"""Rows of a layer as ARMv6-M code: two-operand multiplication, no saturating instruction, 16-bit encodings only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .low_registers import CODES_REGISTER, OUTPUTS, Code, High, Home, LowRegisters, Value

_BYTE = 256
_MAX_SHORT_OUTPUTS = 32


@dataclass(frozen=True)
class Job:
    """One row: bias with its rounding half, nonzero terms, the shift, and what becomes of the code.

    `relu` and `saturates` say whether the shifted sum can lie below and above the codes of `bits` bits. A hidden row
    becomes `target`, which is stored, or goes to the outputs `feeds` with their weights; else the row is output
    `output` itself.
    """

    bias: int
    terms: tuple[tuple[Value, int], ...]
    shift: int
    bits: int
    relu: bool
    saturates: bool
    target: Value | None = None
    feeds: tuple[tuple[int, int], ...] = ()
    output: int | None = None

    @property
    def start(self) -> tuple[Value, int] | None:
        """The term that the sum starts with, where the bias can then be added by one instruction."""
        if abs(self.bias) >= _BYTE:
            return None
        return next((term for term in self.terms if term[1] > 0), None)

    @property
    def needs_word(self) -> bool:
        """Whether the bias comes from the table."""
        return abs(self.bias) >= _BYTE


class LowRows(LowRegisters):
    """Prints jobs one after the other.

    `homes` says where every value can be fetched. `group` biases of coming jobs are loaded at a time. `sums` are the
    high registers that collect positive and negative products of each output that jobs feed.
    """

    def __init__(
        self, jobs: Sequence[Job], homes: dict[Value, Home], group: int, sums: Sequence[tuple[str, str]] = ()
    ) -> None:
        uses: dict[Value, list[int]] = {}
        for number, job in enumerate(jobs):
            for value in _read_by(job):
                uses.setdefault(value, []).append(number)
        super().__init__(homes, uses)
        self._jobs, self._group, self._sums = jobs, group, sums
        self._waiting: dict[int, str] = {}
        in_place = (number for value in uses if isinstance(homes[value], Code) for number in uses[value])
        self._codes_end = 1 + max(in_place, default=-1)

    def start_sums(self, biases: Sequence[int]) -> None:
        """The outputs' positive sums start with their biases, the negative ones with nothing."""
        register = self.take()
        for bias, (positive, negative) in zip(biases, self._sums, strict=True):
            self.constant(register, bias)
            self.emit(f"mov {positive}, {register}")
            self.emit(f"movs {register}, #0")
            self.emit(f"mov {negative}, {register}")
        self.release(register)

    def run(self, number: int) -> None:
        """Print job `number`; jobs come in their order."""
        self._number = number
        if number == self._codes_end:
            self.release(CODES_REGISTER)
        job = self._jobs[number]
        register = self._sum(job)
        self._requantise(register, job)
        for output, weight in job.feeds:
            self._feed(register, output, weight)
        if job.output is not None:
            self.write_output(register, job.output)
            self.used(OUTPUTS)
        if job.target is not None:
            self.move_home(job.target, register)
        if job.target is not None and self.is_needed(job.target):
            self.keep(job.target, register)
        else:
            self.release(register)

    def end_sums(self, shifts: Sequence[int], saturates: Sequence[bool]) -> None:
        """The outputs from their sums."""
        for output, ((positive, negative), shift, wide) in enumerate(zip(self._sums, shifts, saturates, strict=True)):
            register, other = self.take(), self.take()
            self.emit(f"mov {register}, {positive}")
            self.emit(f"mov {other}, {negative}")
            self.emit(f"subs {register}, {register}, {other}")
            self.release(other)
            self._shift(register, shift)
            if wide:
                self._saturate_signed(register)
            self.write_output(register, output)
            self.release(register)

    def write_output(self, register: str, output: int) -> None:
        """Store output `output`."""
        pointer = self.fetch(OUTPUTS)
        if output < _MAX_SHORT_OUTPUTS:
            self.emit(f"strh {register}, [{pointer}, #{2 * output}]", 2)
            return
        index = self.take(OUTPUTS)
        self.constant(index, 2 * output)
        self.emit(f"strh {register}, [{pointer}, {index}]", 2)
        self.release(index)

    def _sum(self, job: Job) -> str:
        """The finished sum, in a register of its own."""
        left = list(job.terms)
        start = job.start
        if job.needs_word:
            register = self._word()
        elif start is not None:
            left.remove(start)
            source = self.fetch(start[0])
            register = self.take(start[0])
            self._product(register, source, start[1])
            self.used(start[0])
            if job.bias:
                self.emit(f"{'adds' if job.bias > 0 else 'subs'} {register}, #{abs(job.bias)}")
        else:
            register = self.take()
            self.constant(register, job.bias)
        while left:
            value, weight = min(left, key=lambda term: not self.holds(term[0]))
            left.remove((value, weight))
            self._accumulate(register, value, weight)
        return register

    def _accumulate(self, register: str, value: Value, weight: int) -> None:
        home = self._homes[value]
        if weight == 1 and not self.holds(value) and isinstance(home, High):
            self.emit(f"add {register}, {home.register}")
            self.used(value)
            return
        source = self.fetch(value)
        name = "adds" if weight > 0 else "subs"
        if abs(weight) == 1:
            self.emit(f"{name} {register}, {register}, {source}")
            self.used(value)
            return
        product = self.take(value)
        self._product(product, source, abs(weight))
        self.emit(f"{name} {register}, {register}, {product}")
        self.release(product)
        self.used(value)

    def _product(self, target: str, source: str, weight: int) -> None:
        """target = source * weight for a positive weight."""
        if weight & (weight - 1) == 0:
            self.emit(f"lsls {target}, {source}, #{weight.bit_length() - 1}")
            return
        self.constant(target, weight)
        self.emit(f"muls {target}, {source}, {target}")

    def _feed(self, register: str, output: int, weight: int) -> None:
        total = self._sums[output][weight < 0]
        if abs(weight) == 1:
            self.emit(f"add {total}, {register}")
            return
        product = self.take()
        self._product(product, register, abs(weight))
        self.emit(f"add {total}, {product}")
        self.release(product)

    def _requantise(self, register: str, job: Job) -> None:
        self._shift(register, job.shift)
        if job.output is not None:
            if job.relu or job.saturates:
                self._saturate_signed(register)
            return
        if job.relu:
            sign = self.take()
            self.emit(f"asrs {sign}, {register}, #31")
            self.emit(f"bics {register}, {sign}")
            self.release(sign)
        if job.saturates:
            self._saturate_unsigned(register, job.bits)

    def _shift(self, register: str, shift: int) -> None:
        if shift:
            self.emit(f"asrs {register}, {register}, #{shift}")

    def _saturate_unsigned(self, register: str, bits: int) -> None:
        """All ones where a number that is not negative has more than `bits` bits: the borrow of 0 - excess."""
        excess = self.take()
        self.emit(f"lsrs {excess}, {register}, #{bits}")
        self.emit(f"rsbs {excess}, {excess}, #0")
        self.emit(f"sbcs {excess}, {excess}")
        self.emit(f"orrs {register}, {excess}")
        self.emit(f"uxt{'b' if bits == 8 else 'h'} {register}, {register}")
        self.release(excess)

    def _saturate_signed(self, register: str) -> None:
        """The largest or smallest 16-bit number in place of one that changes when its lower half is extended."""
        limit, excess = self.take(), self.take()
        self.emit(f"sxth {excess}, {register}")
        self.emit(f"subs {excess}, {excess}, {register}")
        self.emit(f"rsbs {excess}, {excess}, #0")
        self.emit(f"sbcs {excess}, {excess}")
        self.emit(f"asrs {limit}, {register}, #31")
        self.emit(f"eors {register}, {limit}")
        self.emit(f"bics {register}, {excess}")
        self.emit(f"lsrs {excess}, {excess}, #17")
        self.emit(f"orrs {register}, {excess}")
        self.emit(f"eors {register}, {limit}")
        self.release(limit)
        self.release(excess)

    def _word(self) -> str:
        """The register that holds this job's bias; the biases of the next jobs come with it."""
        if self._number not in self._waiting:
            coming = self._coming()
            registers = sorted(self.take() for _ in coming)
            self._waiting |= dict(zip(coming, registers, strict=True))
            self.load_table(registers, [self._jobs[number].bias for number in coming])
        return self._waiting.pop(self._number)

    def _coming(self) -> list[int]:
        """This job and the next ones that take a bias from the table."""
        numbers = (n for n in range(self._number, len(self._jobs)) if self._jobs[n].needs_word)
        return [number for number, _ in zip(numbers, range(self._group), strict=False)]


def _read_by(job: Job) -> Iterator[Value]:
    yield from (value for value, _ in job.terms)
    if job.output is not None:
        yield OUTPUTS

"""Rows of a layer as ARMv6-M code: eight low registers, two-operand multiplication, 16-bit encodings only.

Every operation works on low registers, a load takes two cycles and never overlaps another (Cortex-M0+ Technical
Reference Manual, ARM DDI 0484C, table 3-1). So values stay in low registers as long as it pays (the one needed last,
weighed by what it costs to fetch it again, gives way), high registers hold what one move brings back, and constants
that no move holds come several at a time from a table that LDM walks through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CODES_REGISTER, TABLE_REGISTER = "r0", "r2"
GENERAL_REGISTERS = ("r1", "r3", "r4", "r5", "r6", "r7")
MAX_WORDS = 8192
_NEAR_WORDS, _OFFSET_WORDS = 256, 32
_NEVER = 1 << 30
_BYTE = 256


@dataclass(frozen=True)
class Value:
    """Output `index` of layer `layer`; layer -1 are the observation codes, layer -2 the address for the outputs."""

    layer: int
    index: int


@dataclass(frozen=True)
class High:
    """A value's home in a high register."""

    register: str


@dataclass(frozen=True)
class Word:
    """A value's home in word `number` of the stack frame."""

    number: int


@dataclass(frozen=True)
class Code:
    """An observation code of `width_bytes` that is read where it lies, at `offset_bytes`."""

    offset_bytes: int
    width_bytes: int


Home = High | Word | Code
OUTPUTS = Value(-2, 0)


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


class LowRegisters:
    """Prints jobs one after the other; `lines`, `table` and `cycles` (Cortex-M0+) grow.

    `homes` says where every value can be fetched. `group` constants of coming jobs are loaded at a time.
    `sums` are the high registers that collect positive and negative products of each output fed by jobs.
    """

    def __init__(
        self, jobs: Sequence[Job], homes: dict[Value, Home], group: int, sums: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.lines: list[str] = []
        self.table: list[int] = []
        self.cycles = 0
        self._jobs, self._homes, self._group, self._sums = jobs, homes, group, sums
        self._free = set(GENERAL_REGISTERS)
        self._cache: dict[Value, str] = {}
        self._waiting: dict[int, str] = {}
        self._uses: dict[Value, list[int]] = {}
        for number in range(len(jobs) - 1, -1, -1):
            for value in _read_by(jobs[number]):
                self._uses.setdefault(value, [_NEVER]).append(number)
        self._number = 0
        in_place = (n for value, uses in self._uses.items() if isinstance(homes[value], Code) for n in uses[1:])
        self._codes_end = 1 + max(in_place, default=-1)

    def emit(self, text: str, cycles: int = 1) -> None:
        """Append one instruction."""
        self.lines.append(text)
        self.cycles += cycles

    def take(self, keep: Value | None = None) -> str:
        """A low register; when none is free, the value other than `keep` whose loss costs least gives its own."""
        if not self._free:
            spare = [value for value in self._cache if value != keep]
            self._free.add(self._cache.pop(max(spare, key=self._spared)))
        register = min(self._free)
        self._free.remove(register)
        return register

    def release(self, register: str) -> None:
        """What `register` holds is not needed any more."""
        self._free.add(register)

    def move_home(self, value: Value, register: str) -> None:
        """Put `register` where `value` is fetched from."""
        home = self._homes[value]
        if isinstance(home, High):
            self.emit(f"mov {home.register}, {register}")
        elif isinstance(home, Word):
            address = self._address(home.number)
            self.emit(f"str {register}, [{address[0]}, #{address[1]}]", 2)
            if address[0] != "sp":
                self.release(address[0])

    def load_code(self, register: str, code: Code) -> None:
        """Read a code from the observation; it is signed."""
        short = "b" if code.width_bytes == 1 else "h"
        if code.offset_bytes < _OFFSET_WORDS * code.width_bytes:
            self.emit(f"ldr{short} {register}, [{CODES_REGISTER}, #{code.offset_bytes}]", 2)
            self.emit(f"sxt{short} {register}, {register}")
        else:
            self._constant(register, code.offset_bytes)
            self.emit(f"ldrs{short} {register}, [{CODES_REGISTER}, {register}]", 2)

    def start_sums(self, biases: Sequence[int]) -> None:
        """The outputs' positive sums start with their biases, the negative ones with nothing."""
        register = self.take()
        for bias, (positive, negative) in zip(biases, self._sums, strict=True):
            self._constant(register, bias)
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
            self._used(OUTPUTS)
        if job.target is not None:
            self.move_home(job.target, register)
        if job.target is not None and self._next_use(job.target) < _NEVER:
            self._cache[job.target] = register
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
        pointer = self._fetch(OUTPUTS)
        if output < _OFFSET_WORDS:
            self.emit(f"strh {register}, [{pointer}, #{2 * output}]", 2)
            return
        index = self.take(OUTPUTS)
        self._constant(index, 2 * output)
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
            source = self._fetch(start[0])
            register = self.take(start[0])
            self._product(register, source, start[1])
            self._used(start[0])
            if job.bias:
                self.emit(f"{'adds' if job.bias > 0 else 'subs'} {register}, #{abs(job.bias)}")
        else:
            register = self.take()
            self._constant(register, job.bias)
        while left:
            value, weight = min(left, key=lambda term: term[0] not in self._cache)
            left.remove((value, weight))
            self._accumulate(register, value, weight)
        return register

    def _accumulate(self, register: str, value: Value, weight: int) -> None:
        home = self._homes[value]
        if weight == 1 and value not in self._cache and isinstance(home, High):
            self.emit(f"add {register}, {home.register}")
            self._used(value)
            return
        source = self._fetch(value)
        name = "adds" if weight > 0 else "subs"
        if abs(weight) == 1:
            self.emit(f"{name} {register}, {register}, {source}")
            self._used(value)
            return
        product = self.take(value)
        self._product(product, source, abs(weight))
        self.emit(f"{name} {register}, {register}, {product}")
        self.release(product)
        self._used(value)

    def _product(self, target: str, source: str, weight: int) -> None:
        """target = source * weight for a positive weight."""
        if weight & (weight - 1) == 0:
            self.emit(f"lsls {target}, {source}, #{weight.bit_length() - 1}")
            return
        self._constant(target, weight)
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
            self._load_table(registers, [self._jobs[number].bias for number in coming])
        return self._waiting.pop(self._number)

    def _coming(self) -> list[int]:
        """This job and the next ones that take a bias from the table."""
        numbers = (n for n in range(self._number, len(self._jobs)) if self._jobs[n].needs_word)
        return [number for number, _ in zip(numbers, range(self._group), strict=False)]

    def _load_table(self, registers: Sequence[str], words: Sequence[int]) -> None:
        self.emit(f"ldm {TABLE_REGISTER}!, {{{', '.join(registers)}}}", 1 + len(registers))
        self.table += [word & 0xFFFF_FFFF for word in words]

    def _constant(self, register: str, value: int) -> None:
        """Any constant, by at most two cycles."""
        magnitude = abs(value)
        zeros = (magnitude & -magnitude).bit_length() - 1 if magnitude else 0
        if 0 <= value < _BYTE:
            self.emit(f"movs {register}, #{value}")
        elif magnitude < _BYTE:
            self.emit(f"movs {register}, #{magnitude}")
            self.emit(f"rsbs {register}, {register}, #0")
        elif value > 0 and magnitude >> zeros < _BYTE:
            self.emit(f"movs {register}, #{magnitude >> zeros}")
            self.emit(f"lsls {register}, {register}, #{zeros}")
        else:
            self._load_table([register], [value])

    def _fetch(self, value: Value) -> str:
        """The low register that holds `value`."""
        if value in self._cache:
            return self._cache[value]
        register, home = self.take(), self._homes[value]
        if isinstance(home, High):
            self.emit(f"mov {register}, {home.register}")
        elif isinstance(home, Code):
            self.load_code(register, home)
        else:
            base, offset = self._address(home.number, register)
            self.emit(f"ldr {register}, [{base}, #{offset}]", 2)
        self._cache[value] = register
        return register

    def _address(self, word: int, register: str | None = None) -> tuple[str, int]:
        """Base and offset in bytes of a stack word; what SP cannot reach is reached from `register`."""
        if word < _NEAR_WORDS:
            return "sp", 4 * word
        register = register or self.take()
        if word < _NEAR_WORDS - 1 + _OFFSET_WORDS:
            self.emit(f"add {register}, sp, #{4 * (_NEAR_WORDS - 1)}")
            return register, 4 * (word - _NEAR_WORDS + 1)
        self.emit(f"movs {register}, #{word // _OFFSET_WORDS}")
        self.emit(f"lsls {register}, {register}, #7")
        self.emit(f"add {register}, sp")
        return register, 4 * (word % _OFFSET_WORDS)

    def _used(self, value: Value) -> None:
        """This job has used `value`; its register is free after the last use."""
        self._uses[value].pop()
        if self._next_use(value) == _NEVER and value in self._cache:
            self.release(self._cache.pop(value))

    def _next_use(self, value: Value) -> int:
        return self._uses[value][-1] if value in self._uses else _NEVER

    def _spared(self, value: Value) -> float:
        """How far the next use is, for each cycle that another fetch would take."""
        return (self._next_use(value) - self._number) / self._fetch_cycles(value)

    def _fetch_cycles(self, value: Value) -> int:
        home = self._homes[value]
        if isinstance(home, High):
            return 1
        return 2 if isinstance(home, Word) and home.number < _NEAR_WORDS else 3


def _read_by(job: Job) -> Iterator[Value]:
    yield from (value for value, _ in job.terms)
    if job.output is not None:
        yield OUTPUTS

"""The eight low registers of ARMv6-M, and what is in them.

Every operation works on low registers, a load takes two cycles and never overlaps another (Cortex-M0+ Technical
Reference Manual, ARM DDI 0484C, table 3-1). So values stay in low registers as long as it pays (the one needed last,
weighed by what it costs to fetch it again, gives way), high registers hold what one move brings back, and constants
that no move holds come several at a time from a table that LDM walks through.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class LowRegisters:
    """Code that grows, and what its low registers hold; `lines`, `table` and `cycles` (Cortex-M0+) are the code so far.

    `homes` says where every value can be fetched, and `uses` which jobs read it, by ascending number.
    """

    def __init__(self, homes: dict[Value, Home], uses: dict[Value, Sequence[int]]) -> None:
        self.lines: list[str] = []
        self.table: list[int] = []
        self.cycles = 0
        self._homes = homes
        self._free = set(GENERAL_REGISTERS)
        self._cache: dict[Value, str] = {}
        self._uses = {value: [_NEVER, *reversed(numbers)] for value, numbers in uses.items()}
        self._number = 0

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
            self.constant(register, code.offset_bytes)
            self.emit(f"ldrs{short} {register}, [{CODES_REGISTER}, {register}]", 2)

    def load_table(self, registers: Sequence[str], words: Sequence[int]) -> None:
        """Load words from the table into registers of ascending number, all at once."""
        self.emit(f"ldm {TABLE_REGISTER}!, {{{', '.join(registers)}}}", 1 + len(registers))
        self.table += [word & 0xFFFF_FFFF for word in words]

    def constant(self, register: str, value: int) -> None:
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
            self.load_table([register], [value])

    def fetch(self, value: Value) -> str:
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

    def holds(self, value: Value) -> bool:
        """Whether `value` lies in a low register."""
        return value in self._cache

    def keep(self, value: Value, register: str) -> None:
        """`register` holds `value` from now on."""
        self._cache[value] = register

    def used(self, value: Value) -> None:
        """This job has used `value`; its register is free after the last use."""
        self._uses[value].pop()
        if self.next_use(value) == _NEVER and value in self._cache:
            self.release(self._cache.pop(value))

    def is_needed(self, value: Value) -> bool:
        """Whether a later job reads `value`."""
        return self.next_use(value) < _NEVER

    def next_use(self, value: Value) -> int:
        """The number of the next job that reads `value`."""
        return self._uses[value][-1] if value in self._uses else _NEVER

    def _spared(self, value: Value) -> float:
        """How far the next use is, for each cycle that another fetch would take."""
        return (self.next_use(value) - self._number) / self._fetch_cycles(value)

    def _fetch_cycles(self, value: Value) -> int:
        home = self._homes[value]
        if isinstance(home, High):
            return 1
        return 2 if isinstance(home, Word) and home.number < _NEAR_WORDS else 3

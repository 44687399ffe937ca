"""Registers for a list of operations: loads in groups, and the value needed last gives way.

Loads that follow one another are pipelined (ARM DDI 0439D, section 3.3.3), so operations are cut into windows whose
memory values fit into registers together and are loaded back to back. What is evicted is the value whose next use is
farthest away (Belady, A study of replacement algorithms for a virtual-storage computer, 1966).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from . import operation as op
from .immediate import LOW_REGISTERS, add_constant, load_constant
from .operation import Accumulator, Constant, Memory, Operation, TableWord, Value

_NEVER = 1 << 60
_SHORT_REACH_WORDS = 32
_WRONG_SIDE = 0.4
_SOON_OPERATIONS = 45
_LOADS_BEFORE_KEPT = 5


class AllocationError(ValueError):
    """Operations that need more registers at once than there are; names the operation."""


@dataclass(frozen=True)
class Code:
    """Instructions as text, the words of the table in the order of their loads, and the cycles that the instructions
    take where each takes one and the first load of a group one more."""

    lines: tuple[str, ...]
    table: tuple[int, ...]
    cycles: int


def allocate(
    operations: Sequence[Operation],
    registers: Sequence[str],
    given: dict[str, str],
    table_register: str | None = None,
    window_loads: int = 16,
    shifts: bool = False,
) -> Code:
    """Code for `operations` in `registers`; `given` are accumulators that are live at the start, and theirs.

    A window loads at most `window_loads` memory values. With `shifts`, two shifted additions take the place of a
    multiplication whose constant would have to be moved in. AllocationError when the registers are too few.
    """
    allocator = _Allocator(operations, registers, given, table_register, window_loads, shifts)
    at = 0
    while at < len(operations):
        end = allocator.open_window(at)
        for position in range(at, end):
            allocator.execute(position)
        at = end
    return Code(tuple(allocator.lines), tuple(allocator.table), len(allocator.lines) + allocator.groups)


class _Window:
    """What operations from one position to another need in registers: loads from the start of the window to their last
    use in it, accumulators while they live. `end` is where it ends.

    Beyond the first few loads, registers whose values `soon` are read again count as taken.
    """

    def __init__(self, begin: int, capacity: int, live: int, soon: Set[Value] = frozenset()) -> None:
        self.begin = self.end = begin
        self.loads: dict[Memory | TableWord, int] = {}
        self.starts: list[Operation] = []
        self._capacity, self._live, self._soon = capacity, live, soon
        self._needed: list[int] = []

    def extend(self, operation: Operation, values: set[Memory | TableWord], max_loads: int) -> bool:
        """Take in the operation at `end`, which reads `values`, unless the registers are too few."""
        early = operation.kind == op.SET_FROM_TABLE
        fresh = [source for source in dict.fromkeys(operation.sources) if source in values and source not in self.loads]
        live = self._live + operation.starts
        constants = sum(isinstance(source, Constant) for source in operation.sources)
        needed = [count + len(fresh) + early for count in self._needed]
        for value in values - set(fresh):
            for number in range(self.loads[value] + 1 - self.begin, len(needed)):
                needed[number] += 1
        needed.append(live + len(values) + constants)
        loaded = len(self.loads) + len(self.starts) + len(fresh) + early
        kept = len(self._soon.difference(self.loads, values)) if loaded > _LOADS_BEFORE_KEPT else 0
        fits = max(needed) + kept <= self._capacity and loaded <= max_loads
        if fits or not self._needed:
            self.loads |= dict.fromkeys((*fresh, *(value for value in self.loads if value in values)), self.end)
            self.starts += [operation] * early
            self._needed, self._live = needed, live - len(operation.ends)
        return fits


class _Allocator:
    def __init__(
        self,
        operations: Sequence[Operation],
        registers: Sequence[str],
        given: dict[str, str],
        table_register: str | None,
        window_loads: int,
        shifts: bool,
    ) -> None:
        self.lines: list[str] = []
        self.table: list[int] = []
        self.groups = 0
        self._operations = operations
        self._order = {register: rank for rank, register in enumerate(registers)}
        self._free = set(registers) - set(given.values())
        self._accumulators = dict(given)
        self._resident: dict[Value, str] = {}
        self._uses: dict[Value, list[int]] = {}
        for position in range(len(operations) - 1, -1, -1):
            for source in operations[position].sources:
                self._uses.setdefault(source, [_NEVER]).append(position)
        self._stored = {operation.sources[0] for operation in operations if operation.stores}
        self._table_register, self._window_loads, self._shifts = table_register, window_loads, shifts
        self._reach_words = 0
        self._at = 0
        self._window = _Window(0, 0, 0)

    def open_window(self, begin: int) -> int:
        """Choose a window from `begin`, load what it needs, and return its end."""
        self._window = window = self._choose(begin)
        missing = [value for value in window.loads if value not in self._resident]
        if missing or window.starts:
            self.groups += 1
            self._load(missing, window.starts)
        return window.end

    def _choose(self, begin: int) -> _Window:
        soon = {
            value
            for value in self._resident
            if isinstance(value, Memory | TableWord) and self._next_use(value) < begin + _SOON_OPERATIONS
        }
        window = _Window(begin, len(self._order), len(self._accumulators), soon)
        stored, names = set(), set(self._accumulators)
        for position in range(begin, len(self._operations)):
            operation = self._operations[position]
            values = {source for source in operation.sources if isinstance(source, Memory | TableWord)}
            clash = operation.kind == op.SET_FROM_TABLE and operation.target in names
            if clash or not stored.isdisjoint(values - window.loads.keys()):
                break
            if not window.extend(operation, values, self._window_loads) and position > begin:
                break
            names.add(operation.target)
            stored.add(operation.stores)
            window.end = position + 1
        return window

    def _load(self, values: list[Memory | TableWord], starts: list[Operation]) -> None:
        words: list[tuple[str, int]] = []
        for value in values:
            if isinstance(value, Memory):
                register = self._take((), value.mnemonic == "ldr")
                base = self._accumulators.get(value.base, value.base)
                self.lines.append(f"{value.mnemonic} {register}, [{base}, #{value.offset_bytes}]")
            else:
                register = self._take((), True)
                words.append((register, value.value))
            self._resident[value] = register
        words += [(self._start(start.target, ()), start.immediates[0]) for start in starts]
        self._load_words(words)

    def _load_words(self, words: list[tuple[str, int]]) -> None:
        """Load from the table; the last load moves the pointer on (pre-indexed) before short offsets end."""
        far = self._reach_words + len(words) > _SHORT_REACH_WORDS * 5 // 8
        for number, (register, value) in enumerate(words):
            moves = far and number == len(words) - 1
            offset = 4 * self._reach_words
            self.lines.append(f"ldr {register}, [{self._table_register}, #{offset}]{'!' * moves}")
            self.table.append(value & 0xFFFF_FFFF)
            self._reach_words = 1 if moves else self._reach_words + 1

    def execute(self, position: int) -> None:
        """Print the operation at `position`; constants that it needs are moved in first."""
        operation, self._at = self._operations[position], position
        shifts = self._in_shifts(operation)
        for source in operation.sources:
            if not shifts and isinstance(source, Constant) and source not in self._resident:
                register = self._take(operation.sources, True)
                self.lines += load_constant(register, source.value)
                self._resident[source] = register
        sources = [self._register(source) for source in operation.sources[: 1 if shifts else None]]
        for source in operation.sources:
            self._uses[source].pop()
            if self._uses[source][-1] == _NEVER and source in self._resident:
                self._free.add(self._resident.pop(source))
        if operation.starts and operation.kind != op.SET_FROM_TABLE:
            self._start(operation.target, operation.sources)
        for part in shifts or (operation,):
            self._print(part, sources)
        self._end(operation)

    def _in_shifts(self, operation: Operation) -> tuple[Operation, ...]:
        """Shifted additions in place of `operation`, or none where it stays."""
        if not self._shifts or operation.kind not in ("mla", "mls") or operation.sources[1] in self._resident:
            return ()
        return op.in_shifts(operation)

    def _start(self, name: str, keep: Sequence[Value]) -> str:
        """A register for a new accumulator; those that are stored lie low, where stores are short."""
        self._accumulators[name] = register = self._take(keep, Accumulator(name) in self._stored)
        return register

    def _print(self, operation: Operation, sources: list[str]) -> None:
        target = self._accumulators.get(operation.target, "")
        if operation.kind == op.SET:
            self.lines += load_constant(target, operation.immediates[0])
        elif operation.kind == op.ADD_CONSTANT:
            self.lines.append(add_constant(target, sources[0] if sources else target, operation.immediates[0]))
        elif operation.kind in op.TEXT:
            named = dict(zip("ij", operation.immediates, strict=False))
            self.lines.append(op.TEXT[operation.kind].format(*sources, target=target, **named))

    def _end(self, operation: Operation) -> None:
        """Free the registers of ended accumulators; one that was just stored still holds the stored value."""
        for name in operation.ends:
            register = self._accumulators.pop(name)
            kept = operation.stores
            if kept is not None and operation.sources[0] == Accumulator(name) and self._next_use(kept) < _NEVER:
                self._resident[kept] = register
            else:
                self._free.add(register)

    def _register(self, source: Value) -> str:
        return self._accumulators[source.name] if isinstance(source, Accumulator) else self._resident[source]

    def _take(self, keep: Sequence[Value], low: bool) -> str:
        """A free register, low or high by preference; when there is none, that of the value needed last."""
        if not self._free:
            spare = [value for value in self._resident if value not in keep and not self._is_needed(value)]
            if not spare:
                raise AllocationError(f"{len(self._order)} registers are too few for {list(self._resident)}")
            self._free.add(self._resident.pop(max(spare, key=lambda value: self._distance(value, low))))
        register = min(self._free, key=lambda name: ((name in LOW_REGISTERS) != low, self._order[name]))
        self._free.remove(register)
        return register

    def _distance(self, value: Value, low: bool) -> float:
        """How long `value` will not be needed; a register on the wrong side counts as needed sooner."""
        distance = self._next_use(value) - self._at
        return distance if (self._resident[value] in LOW_REGISTERS) == low else distance * _WRONG_SIDE

    def _is_needed(self, value: Value) -> bool:
        return value in self._window.loads and self._next_use(value) < self._window.end

    def _next_use(self, value: Value) -> int:
        return self._uses[value][-1] if value in self._uses else _NEVER

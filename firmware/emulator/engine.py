"""One emulated core: unicorn, the C part beside it, and the cycle model that both ask."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import unicorn

from ganglion.codegen.timing import Core, FlashModel, UnalignedLoads
from ganglion.firmware.elf import Program

from .access import accesses, find_access
from .alignment import unaligned_loads
from .configuration import Region, access_config, flash_config, load_configs, ram_config
from .faults import BudgetError, EmulatorError, explain_fault, format_registers, locate
from .library import (
    ACCESSES,
    PLACE,
    PRICE,
    STARTS,
    Access,
    Config,
    Edge,
    ExceptionConfig,
    Report,
    Span,
    load_library,
)
from .peripheral_map import PeripheralMap
from .peripherals import add_peripherals
from .pricing import Pricer
from .registers import CPU_MODELS, REGISTERS, UNICORN_REGISTERS

ASLEEP, RETURNED, BUDGET, FAULT, ANSWERED = 1, 2, 3, 4, 5
CPACR, CPACR_FULL = 0xE000ED88, 0xF << 20


@dataclass(frozen=True)
class Tally:
    """What was counted: cycles of the model and executed instructions."""

    cycles: int
    instructions: int


@dataclass(frozen=True)
class SpanTally:
    """Cycles from a function's first instruction to its return, over `calls` calls."""

    calls: int
    total_cycles: int
    min_cycles: int
    max_cycles: int


class Engine:
    """A core with memory, its registers from `peripherals`, and counts. `close` frees it.

    `flash` is as slow as `flash_model` says; all other memory has no wait states.
    `usart` is (base, interrupt) of the one serial port. The FPU is on from the start when `float_enabled`;
    otherwise the program has to enable it.
    """

    def __init__(
        self,
        program: Program,
        core: Core,
        refill: int,
        flash_model: FlashModel,
        flash: Region,
        regions: Iterable[Region],
        peripherals: PeripheralMap,
        usart: tuple[int, int],
        vectors: int,
        float_enabled: bool = False,
    ) -> None:
        self._library = load_library()
        self._program = program
        self._error: BaseException | None = None
        self._always_float = float_enabled
        self._buffer = ctypes.create_string_buffer(4096)
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(CPU_MODELS[core.name])
        regions = list(regions)
        self._map(regions)
        self._pricer = Pricer(core, refill, self.read, self._float_enabled)
        self._callbacks = self._make_callbacks()
        exceptions = core.exceptions
        config = Config(
            *self._callbacks, flash_config(flash_model, flash), *ram_config(regions), vectors, *usart,
            peripherals.cpuid,
            ExceptionConfig(exceptions.entry_cycles, exceptions.return_cycles, exceptions.return_float_cycles),
        )  # fmt: skip
        self._machine = self._library.machine_new(self.uc._uch, config)
        if not self._machine:
            raise EmulatorError("the emulator cannot be set up; is there memory left?")
        add_peripherals(self._library, self._machine, peripherals)
        if core.unaligned_loads:
            self._watch_loads(core.unaligned_loads)

    def _map(self, regions: Iterable[Region]) -> None:
        for region in regions:
            rights = unicorn.UC_PROT_ALL if region.writable else unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
            self.uc.mem_map(region.origin, region.bytes, rights)

    def _watch_loads(self, costs: UnalignedLoads) -> None:
        loads = load_configs(unaligned_loads(self._program), costs)
        if self._library.machine_watch_loads(self._machine, loads, len(loads)):
            raise EmulatorError("loads cannot be watched; is there memory left?")

    def _make_callbacks(self) -> tuple:
        """What the C part asks; it must not be collected while the machine lives."""
        return (
            PRICE(self._answer_price), PLACE(self._answer_place), ACCESSES(self._answer_accesses),
            STARTS(self._answer_starts),
        )  # fmt: skip

    def close(self) -> None:
        """Free the machine; nothing may be called after it."""
        machine, self._machine = self._machine, None
        if machine:
            self._library.machine_free(machine)

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes of the board's memory."""
        return bytes(self.uc.mem_read(address, count))

    def write(self, address: int, content: bytes) -> None:
        """Put bytes into the board's memory, flash included."""
        self.uc.mem_write(address, content)

    def registers(self) -> dict[str, int]:
        """All core registers by name."""
        return {name: self.uc.reg_read(number) for name, number in REGISTERS.items()}

    def reset(self) -> None:
        """As the reset pin does: registers of core and peripherals, not memory."""
        self._library.machine_reset(self._machine)

    def forget_flash(self) -> None:
        """Empty the flash's caches, as a long time in other code does."""
        self._library.machine_forget_flash(self._machine)

    def jump(self, address: int) -> None:
        """Go on at `address` with the next run."""
        self._library.machine_jump(self._machine, address)

    def run(self, budget_instructions: int, until: int = 0xFFFF_FFFE) -> int:
        """Run to WFI (ASLEEP), to `until` (RETURNED), or where the line takes time until a packet has left the board
        (ANSWERED). EmulatorError tells a fault, BudgetError a program that
        does neither."""
        reason = self._library.machine_run(self._machine, until, budget_instructions)
        if reason == FAULT:
            self._raise_fault()
        if reason == BUDGET:
            place = locate(self.report().pc, self._program)
            raise BudgetError(
                f"{budget_instructions:,} instructions ran without WFI or return; the program is at {place}; "
                f"{format_registers(self.registers())}"
            )
        return reason

    def send(self, content: bytes) -> None:
        """Put bytes on the serial line towards the board."""
        if self._library.machine_send(self._machine, content, len(content)):
            raise MemoryError(f"no memory for {len(content)} bytes on the serial line")

    def receive(self) -> bytes:
        """All bytes that the board has sent since."""
        result = b""
        while count := self._library.machine_receive(self._machine, self._buffer, len(self._buffer)):
            result += ctypes.string_at(self._buffer, count)
        return result

    def set_line(self, byte_cycles: int) -> None:
        """Let each byte on the serial line take so many cycles; 0: as fast as the program."""
        self._library.machine_set_line(self._machine, byte_cycles)

    def sleep(self, cycles: int) -> None:
        """Let sleeping time pass in the next runs, for so many cycles from now."""
        self._library.machine_sleep(self._machine, cycles)

    def report(self) -> Report:
        """Counts and the state of the last stop."""
        report = Report()
        self._library.machine_report(self._machine, report)
        return report

    def watch(self, address: int) -> int:
        """Count the cycles of each call of the function at `address`; a number for `span`."""
        index = self._library.machine_watch(self._machine, address)
        if index < 0:
            raise EmulatorError("eight functions are watched already; watch fewer, or read the profile")
        return index

    def span(self, index: int) -> SpanTally:
        """What `watch` has counted."""
        span = Span()
        self._library.machine_span(self._machine, index, span)
        return SpanTally(span.calls, span.total_cycles, span.min_cycles, span.max_cycles)

    def clear_counts(self) -> None:
        """Start profile and spans at zero."""
        self._library.machine_clear_counts(self._machine)

    def edges(self) -> list[Edge]:
        """Every edge that was taken, by address."""
        count = self._library.machine_edges(self._machine, None, 0)
        edges = (Edge * count)()
        self._library.machine_edges(self._machine, edges, count)
        return sorted(edges, key=lambda edge: (edge.from_address, edge.from_size, edge.to_address))

    def profile(self) -> dict[str, Tally]:
        """Cycles and instructions by function, callees not included, the dearest first."""
        cycles, instructions = defaultdict(int), defaultdict(int)
        for edge in self.edges():
            name = self._function(edge.from_address)
            cycles[name] += edge.count * edge.cycles
            instructions[name] += edge.count * edge.instructions
        order = sorted(cycles, key=lambda name: (-cycles[name], name))
        return {name: Tally(cycles[name], instructions[name]) for name in order}

    def _function(self, address: int) -> str:
        place = locate(address, self._program)
        return place.partition("(")[2].rpartition("+")[0] or place

    def _float_enabled(self) -> bool:
        return self._always_float or (self._library.machine_word(self._machine, CPACR) & CPACR_FULL) == CPACR_FULL

    def _answer_price(self, address: int, size: int, following: int, cycles, instructions) -> int:
        with self._keep_error():
            priced = self._pricer.edge(address, size, following) if size else self._pricer.prefix(address, following)
            cycles[0], instructions[0] = priced
            return 0
        return 1

    def _answer_place(self, address: int, size: int, after: int, target: int, write: int) -> int:
        with self._keep_error():
            block = self._pricer.instructions(address, size)
            candidates = [item for item in accesses(block, bool(write)) if item.address > after]
            return find_access(block, candidates, target, self._core_register).address
        return 0

    def _answer_accesses(self, address: int, size: int, write: int, pointer: int) -> int:
        with self._keep_error():
            found = accesses(self._pricer.instructions(address, size), bool(write))
            array = (Access * len(found)).from_address(pointer)
            for index, item in enumerate(found):
                array[index] = access_config(item)
            return len(found)
        return 0

    def _answer_starts(self, address: int, size: int, starts) -> int:
        with self._keep_error():
            for index, cycles in enumerate(self._pricer.starts(address, size)):
                starts[index] = cycles
            return 0
        return 1

    def _core_register(self, number: int) -> int:
        return self.uc.reg_read(UNICORN_REGISTERS[number])

    @contextmanager
    def _keep_error(self) -> Iterator[None]:
        """Errors cannot pass the C frames: `run` raises them behind those."""
        try:
            yield
        except BaseException as error:
            self._error = error

    def _raise_fault(self) -> NoReturn:
        error, self._error = self._error, None
        if isinstance(error, (ValueError, unicorn.UcError)):
            raise EmulatorError(str(error)) from error
        if error is not None:
            raise error
        raise EmulatorError(explain_fault(self.report(), self._program, self.registers()))

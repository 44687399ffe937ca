"""A whole board that runs the unmodified firmware.elf: flash, RAM, registers, serial line, cycle counter."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from elftools.common.exceptions import ELFError

from ganglion.codegen.timing import ZERO_WAIT, cycles_source, load_core, load_flash_model
from ganglion.firmware.board import Board
from ganglion.firmware.elf import Program, read_program

from .configuration import Region
from .engine import ANSWERED, Engine, SpanTally, Tally
from .faults import EmulatorError
from .peripheral_map import load_peripheral_map

BUDGET_INSTRUCTIONS = 50_000_000
"""How many instructions a program may run between two sleeps before it counts as hanging."""

_PAINT = b"\xa5"


class Machine:
    """`elf` on the emulated `board`, from its reset vector on; use it as a context manager or `close` it.

    `refill` is P of the cycle model (default: the core's), `flash_model` names the speed of its flash. EmulatorError
    when the file is no image for the board.
    """

    def __init__(
        self,
        elf: Path,
        board: Board,
        refill: int | None = None,
        budget_instructions: int = BUDGET_INSTRUCTIONS,
        flash_model: str = ZERO_WAIT,
    ) -> None:
        core, model = load_core(board.core), load_flash_model(flash_model)
        self.refill = core.refill(refill)
        self.cycles_source = cycles_source(core, self.refill, model)
        self.program = read_image(elf)
        self._board = board
        self._budget = budget_instructions
        self._awake = True
        _check_image(self.program, board, elf)
        flash = Region(board.flash.origin, board.flash.bytes, False)
        ram = Region(board.ram.origin, board.ram.bytes, True)
        self.engine = Engine(
            self.program, core, self.refill, model, flash, [flash, ram],
            load_peripheral_map(board.name), (board.usart.base, board.usart.interrupt), board.vectors,
        )  # fmt: skip
        self.engine.write(board.flash.origin, b"\xff" * board.flash.bytes)
        for address, content in self.program.pieces:
            self.engine.write(address, content)
        self._paint_stack()
        self.engine.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the machine."""
        self.engine.close()

    def exchange(self, content: bytes = b"") -> bytes:
        """Send `content`, run until the program sleeps with nothing left to do, and return what it sent.

        EmulatorError on a fault or when the program does not sleep within the budget.
        """
        if content:
            self.engine.send(content)
        if content or self._awake:
            self._awake = self.engine.run(self._budget) == ANSWERED
        return self.engine.receive()

    def set_baud(self, baud: int | None) -> None:
        """Let bytes take their time on the line, 10 bits each; None: as fast as the program, as at the start.

        `exchange` then also returns when a whole packet has left the board, and goes on with the next call. A byte that
        the program does not read in time is not lost, but counted in `overruns`.
        """
        self.engine.set_line(0 if baud is None else round(10 * self._board.clock_hz / baud))

    def pass_time(self, seconds: float) -> bytes:
        """Let time pass while the program sleeps: timers run, and the watchdog. Returns what it sent meanwhile."""
        self.engine.sleep(round(seconds * self._board.clock_hz))
        self.engine.run(self._budget)
        return self.engine.receive()

    @property
    def seconds(self) -> float:
        """Time since the start, at the board's clock, sleep included as far as it was let pass."""
        report = self.engine.report()
        return (report.cycles + report.idle_cycles) / self._board.clock_hz

    @property
    def overruns(self) -> int:
        """Bytes that a port of one byte would have lost."""
        return self.engine.report().overruns

    @property
    def tally(self) -> Tally:
        """Cycles and instructions since the start."""
        report = self.engine.report()
        return Tally(report.cycles, report.instructions)

    @property
    def interrupts(self) -> int:
        """How often the serial port interrupted the program."""
        return self.engine.report().interrupts

    def watch(self, function: str) -> int:
        """Count the cycles of each call of `function`; a number for `span`."""
        try:
            return self.engine.watch(self.program.symbol(function).address)
        except KeyError as error:
            raise EmulatorError(f"{error.args[0]}; keep the symbols in the ELF file") from error

    def span(self, index: int) -> SpanTally:
        """Calls, and cycles per call, of a watched function."""
        return self.engine.span(index)

    @property
    def stack_bytes(self) -> int:
        """The deepest that the stack has been, by the pattern that it overwrote."""
        low, top = self._stack
        painted = self.engine.read(low, top - low)
        return len(painted.lstrip(_PAINT))

    @property
    def _stack(self) -> tuple[int, int]:
        ram = self._board.ram
        used = [
            start + size
            for start, size in self.program.sections.values()
            if ram.origin <= start < ram.origin + ram.bytes
        ]
        return max(used, default=ram.origin), _vector(self.program, self._board, 0)

    def _paint_stack(self) -> None:
        low, top = self._stack
        self.engine.write(low, _PAINT * (top - low))


def read_image(elf: Path) -> Program:
    """The linked program in `elf`; EmulatorError when the file is missing or something else."""
    try:
        return read_program(elf)
    except FileNotFoundError as error:
        raise EmulatorError(f"there is no firmware image {elf}; build it first") from error
    except (ELFError, AttributeError, OSError) as error:
        raise EmulatorError(f"{elf} is not a linked ELF file with symbols ({error}); build the image again") from error


def _check_image(program: Program, board: Board, elf: Path) -> None:
    flash, ram = board.flash, board.ram
    if not program.pieces:
        raise EmulatorError(f"{elf} has nothing to load; build the image again")
    for address, content in program.pieces:
        if not flash.origin <= address <= address + len(content) <= flash.origin + flash.bytes:
            raise EmulatorError(
                f"{elf} loads {len(content):,} bytes at 0x{address:08X}, outside the flash of {board.name} "
                f"(0x{flash.origin:08X}, {flash.bytes:,} bytes); build it for {board.name}"
            )
    stack, entry = (_vector(program, board, index) for index in (0, 1))
    if not ram.origin < stack <= ram.origin + ram.bytes or stack % 4:
        raise EmulatorError(
            f"{elf}: the vector table's stack pointer 0x{stack:08X} is not in RAM; is .vectors first in flash?"
        )
    if not entry & 1 or not flash.origin <= entry < flash.origin + flash.bytes:
        raise EmulatorError(
            f"{elf}: the reset vector 0x{entry:08X} is not Thumb code in flash; is .vectors first in flash?"
        )


def _vector(program: Program, board: Board, index: int) -> int:
    try:
        return int.from_bytes(program.read(board.vectors + 4 * index, 4), "little")
    except KeyError as error:
        raise EmulatorError(
            f"the image has no vector table at 0x{board.vectors:08X}; link .vectors to the start of flash"
        ) from error

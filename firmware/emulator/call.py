"""One function of an ELF file, called directly: kernels are measured with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from elftools.elf.elffile import ELFFile
from unicorn import arm_const

from ganglion.codegen.timing import ZERO_WAIT, cycles_source, load_core, load_flash_model

from .configuration import Region
from .engine import Engine
from .faults import EmulatorError
from .machine import BUDGET_INSTRUCTIONS, read_image
from .peripheral_map import PeripheralMap

_PAGE = 0x1000
_STACK = Region(0x6000_0000, 0x10_0000, True)
_SCRATCH = Region(0x6800_0000, 0x100_0000, True)
_RETURN = Region(0x6F00_0000, _PAGE, False)
_NO_PERIPHERALS = PeripheralMap("a function call", 0x410F_C241, {}, (), ())
_NO_USART = (0x4000_0000, 0)
_PAINT = b"\xa5"
_ARGUMENTS = (arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1, arm_const.UC_ARM_REG_R2, arm_const.UC_ARM_REG_R3)


@dataclass(frozen=True)
class CallResult:
    """A call: r0, cycles and instructions from the first instruction to the return, and stack bytes written."""

    value: int
    cycles: int
    instructions: int
    stack_bytes: int


class Caller:
    """An ELF file's functions on a bare `core`, with memory where its segments lie, data initialised, and the FPU
    on where there is one. What the program cannot write is flash, as slow as the flash model of that name; it and
    its caches stay as they are between calls. The stack and the buffers of `place` have no wait states."""

    def __init__(
        self, elf: Path, core: str = "cortex-m4", refill: int | None = None, flash_model: str = ZERO_WAIT
    ) -> None:
        timing, model = load_core(core), load_flash_model(flash_model)
        self.refill = timing.refill(refill)
        self.cycles_source = cycles_source(timing, self.refill, model)
        self.program = read_image(elf)
        segments = _segments(elf)
        self._next = _SCRATCH.origin
        self.engine = Engine(
            self.program, timing, self.refill, model, _flash(segments),
            [*_regions(segments), _STACK, _SCRATCH, _RETURN],
            _NO_PERIPHERALS, _NO_USART, _RETURN.origin, float_enabled="+fpv" in timing.architecture,
        )  # fmt: skip
        for address, content, _ in segments:
            self.engine.write(address, content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()

    def place(self, content: bytes, align: int = 8) -> int:
        """Put bytes into RAM of their own; returns their address, a multiple of `align`."""
        address = -(-self._next // align) * align
        if address + len(content) > _SCRATCH.origin + _SCRATCH.bytes:
            raise EmulatorError(
                f"{len(content):,} bytes do not fit any more; {_SCRATCH.bytes:,} bytes are there for buffers"
            )
        self._next = address + len(content)
        self.engine.write(address, content)
        return address

    def call(self, function: str, *arguments: int, budget_instructions: int = BUDGET_INSTRUCTIONS) -> CallResult:
        """Call `function` with up to four integers or addresses; EmulatorError on a fault or without a return."""
        if len(arguments) > len(_ARGUMENTS):
            raise EmulatorError(
                f"{function} is called with {len(arguments)} arguments; registers hold {len(_ARGUMENTS)}"
            )
        try:
            entry = self.program.symbol(function).address
        except KeyError as error:
            raise EmulatorError(f"{error.args[0]}; keep the symbols in the ELF file") from error
        top, uc = _STACK.origin + _STACK.bytes, self.engine.uc
        self.engine.write(_STACK.origin, _PAINT * _STACK.bytes)
        for register, value in zip(_ARGUMENTS, arguments, strict=False):
            uc.reg_write(register, value & 0xFFFF_FFFF)
        uc.reg_write(arm_const.UC_ARM_REG_SP, top)
        uc.reg_write(arm_const.UC_ARM_REG_LR, _RETURN.origin | 1)
        before = self.engine.report()
        self.engine.jump(entry)
        self.engine.run(budget_instructions, _RETURN.origin)
        after = self.engine.report()
        return CallResult(
            uc.reg_read(arm_const.UC_ARM_REG_R0), after.cycles - before.cycles,
            after.instructions - before.instructions, self._stack_bytes(),
        )  # fmt: skip

    def _stack_bytes(self) -> int:
        return len(self.engine.read(_STACK.origin, _STACK.bytes).lstrip(_PAINT))


def _segments(elf: Path) -> list[tuple[int, bytes, bool]]:
    with elf.open("rb") as stream:
        return [
            (segment["p_vaddr"], segment.data().ljust(segment["p_memsz"], b"\0"), bool(segment["p_flags"] & 2))
            for segment in ELFFile(stream).iter_segments("PT_LOAD")
            if segment["p_memsz"]
        ]


def _flash(segments: list[tuple[int, bytes, bool]]) -> Region:
    """From the first to the last byte that cannot be written; EmulatorError where something else lies between."""
    begin = min(address for address, _, writable in segments if not writable)
    end = max(address + len(content) for address, content, writable in segments if not writable)
    for address, _, writable in segments:
        if writable and begin <= address < end:
            raise EmulatorError(f"data at 0x{address:08X} lie between code and constants; link them behind both")
    return Region(begin, end - begin, False)


def _regions(segments: list[tuple[int, bytes, bool]]) -> list[Region]:
    """Whole pages around the segments, merged where they touch."""
    regions: list[Region] = []
    for address, content, writable in sorted(segments, key=lambda segment: segment[0]):
        begin, end = address // _PAGE * _PAGE, -(-(address + len(content)) // _PAGE) * _PAGE
        if regions and begin <= regions[-1].origin + regions[-1].bytes:
            last = regions[-1]
            end = max(end, last.origin + last.bytes)
            regions[-1] = replace(last, bytes=end - last.origin, writable=last.writable or writable)
        else:
            regions.append(Region(begin, end - begin, writable))
    return regions

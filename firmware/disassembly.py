"""The machine code of a linked program as text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from capstone import CS_ARCH_ARM, CS_MODE_MCLASS, CS_MODE_THUMB, Cs

from .elf import Program, Symbol


class DisassemblyError(ValueError):
    """Bytes that are no known instruction where code should be; says where."""


def disassemble(program: Program, symbol: Symbol) -> Iterator[tuple[int, int, str, str]]:
    """(address, bytes, mnemonic, operands) of each instruction of the function `symbol`, the data in it left out."""
    engine = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS)
    at, end = symbol.address, symbol.address + symbol.bytes
    modes = program.code_starts
    while at < end:
        index = bisect_right(modes, (at, True))
        is_code = index == 0 or modes[index - 1][1]
        stop = min(end, modes[index][0]) if index < len(modes) else end
        if is_code:
            reached = at
            for address, size, mnemonic, operands in engine.disasm_lite(program.read(at, stop - at), at):
                reached = address + size
                yield address, size, mnemonic, operands
            if reached != stop:
                raise DisassemblyError(f"{symbol.name}: the bytes at 0x{reached:08X} are no known instruction")
        at = stop

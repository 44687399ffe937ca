"""A bound of the stack from the machine code itself: the deepest way through the call graph.

A function's frame is bounded by the sum of everything that it takes from SP, which is exact for
straight prologues and safe for the rest; calls through pointers may reach every function whose address
the program holds. One interrupt on top of the deepest way is added with its exception frame (ARMv7-M
Architecture Reference Manual, B1.5.6: 26 words with the FPU's registers, and 4 bytes of alignment).
Works alike for C of any compiler and for assembly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .disassembly import DisassemblyError, disassemble
from .elf import Program, Symbol

EXCEPTION_FRAME_BYTES = 26 * 4 + 4


class StackError(ValueError):
    """Code whose stack cannot be bounded; names the function and the instruction."""


@dataclass
class Frame:
    """One function: bytes it takes from the stack itself, the functions it calls by address, whether it
    calls through a pointer, and the addresses it builds by movw and movt."""

    name: str
    bytes: int = 0
    calls: set[int] = field(default_factory=set)
    calls_pointers: bool = False
    constants: set[int] = field(default_factory=set)


def stack_bound_bytes(program: Program) -> int:
    """Deepest stack of `program` from reset, one interrupt included; StackError when there is no bound."""
    frames = read_frames(program)
    handlers = _vector_targets(program, frames)
    pointed = _pointed_functions(program, frames)
    main = _depth(program.symbol("reset_handler").address, frames, pointed, ())
    interrupt = max(_depth(address, frames, pointed, ()) for address in handlers)
    return main + EXCEPTION_FRAME_BYTES + interrupt


def call_bounds_bytes(program: Program, names: Iterable[str]) -> dict[str, int]:
    """Deepest stack of each function of `names` and of all that it calls; StackError when there is no bound."""
    frames = read_frames(program)
    pointed = _pointed_functions(program, frames)
    return {name: _depth(program.symbol(name).address, frames, pointed, ()) for name in names}


def read_frames(program: Program) -> dict[int, Frame]:
    """Every function of `program` by address. A jump into the middle of a function, as compilers' libraries make them,
    counts as a call of all of it."""
    functions = {s.address: s for s in program.symbols if s.kind == "function" and s.bytes > 0}
    frames = {address: _read_frame(program, symbol) for address, symbol in functions.items()}
    for frame in frames.values():
        frame.calls = {_enclosing(address, functions) for address in frame.calls}
    return frames


def _enclosing(address: int, functions: dict[int, Symbol]) -> int:
    """`address` where a function begins there, such as a routine inside of another function; else where the function
    begins that it lies in; `address` where there is none."""
    if address in functions:
        return address
    return next((start for start, symbol in functions.items() if start <= address < start + symbol.bytes), address)


def _depth(address: int, frames: dict[int, Frame], pointed: set[int], way: tuple[int, ...]) -> int:
    if address in way:
        raise StackError(f"{frames[address].name} calls itself, so its stack has no bound; remove the recursion")
    if address not in frames:
        raise StackError(f"{frames[way[-1]].name} calls 0x{address:08X}, which is no known function")
    frame = frames[address]
    callees = frame.calls | pointed if frame.calls_pointers else frame.calls
    return frame.bytes + max((_depth(callee, frames, pointed, (*way, address)) for callee in callees), default=0)


def _vector_targets(program: Program, frames: dict[int, Frame]) -> set[int]:
    address, count = program.sections[".vectors"]
    words = memoryview(program.read(address, count)).cast("I").tolist()
    reset = program.symbol("reset_handler").address
    return {word & ~1 for word in words[2:] if word & ~1 in frames and word & ~1 != reset}


def _pointed_functions(program: Program, frames: dict[int, Frame]) -> set[int]:
    vectors, length = program.sections[".vectors"]
    held = set().union(*(frame.constants for frame in frames.values()))
    for start, content in program.pieces:
        skipped = max(0, vectors + length - start) if start <= vectors else 0
        words = memoryview(content[skipped : len(content) & ~3]).cast("I")
        held.update(words)
    return {address for address in frames if address | 1 in held}


def _read_frame(program: Program, symbol: Symbol) -> Frame:
    frame, end = Frame(symbol.name), symbol.address + symbol.bytes
    halves: dict[str, int] = {}
    saved: set[str] = set()
    for _, _, mnemonic, operands in _instructions(program, symbol):
        frame.bytes += taken_bytes(mnemonic, operands, symbol.name, saved)
        target = re.search(r"#(0x[0-9a-f]+|\d+)$", operands)
        if mnemonic.startswith(("b", "cb")) and not mnemonic.startswith(("bf", "bic", "bkpt")):
            if target is None:
                frame.calls_pointers |= operands != "lr"
            elif not symbol.address <= int(target[1], 0) < end or mnemonic in ("bl", "blx"):
                frame.calls.add(int(target[1], 0) & ~1)
        elif mnemonic.startswith(("movw", "movt")) and target is not None:
            register, value = operands.split(",")[0], int(target[1], 0)
            halves[register] = value if mnemonic[3] == "w" else halves.get(register, 0) & 0xFFFF | value << 16
            frame.constants.add(halves[register])
    return frame


def taken_bytes(mnemonic: str, operands: str, function: str, saved: set[str]) -> int:
    """Bytes that one instruction takes from the stack; StackError when nobody can tell. `saved` collects the
    registers that hold an earlier SP, which may be put back."""
    first, *others = [part.strip() for part in operands.split(",")]
    if mnemonic.startswith(("push", "vpush")):
        return (1 + len(others)) * (8 if first.startswith("{d") else 4)
    if re.search(r"\[sp, #-(0x[0-9a-f]+|\d+)\]!", operands):
        return int(re.search(r"#-(0x[0-9a-f]+|\d+)\]!", operands)[1], 0)
    if mnemonic.startswith(("stmdb", "vstmdb")) and first == "sp!":
        return len(others) * (8 if others[0].startswith("{d") else 4)
    if mnemonic.startswith("mov") and others == ["sp"]:
        saved.add(first)
    amount = others[-1] if others else ""
    if first != "sp" or mnemonic.startswith(("cmp", "tst", "st", "vst", "ldm", "vldm")):
        return 0
    if mnemonic.startswith("add") and amount.startswith("#") and not amount.startswith("#-"):
        return 0
    if mnemonic.startswith("sub") and amount.startswith("#") and others[0] in ("sp", amount):
        return int(amount[1:], 0)
    if mnemonic.startswith("mov") and others[0] in saved:
        return 0
    raise StackError(f"{function}: `{mnemonic} {operands}` moves the stack pointer by an unknown amount")


def _instructions(program: Program, symbol: Symbol) -> list[tuple[int, int, str, str]]:
    try:
        return list(disassemble(program, symbol))
    except DisassemblyError as error:
        raise StackError(str(error)) from error

"""Which loads can meet an address that their width does not divide: those are watched, all others cost nothing."""

from __future__ import annotations

import re

from ganglion.codegen.timing import Instruction, decode
from ganglion.firmware.disassembly import disassemble
from ganglion.firmware.elf import Program

_WIDTHS_BYTES = {"ldr": 4, "ldrh": 2, "ldrsh": 2}
_LOAD = re.compile(r"(?P<name>ldrs?[bh]?)(?P<condition>\w\w)?(\.w)?$")
_INDEXED = re.compile(r"\w+, \[(?P<base>\w+), (?P<index>[a-z]\w+)(, lsl #(?P<shift>\d))?\]$")
_OFFSET = re.compile(r"\w+, \[(?P<base>\w+)(, #(?P<offset>-?\w+))?\](, #(?P<step>-?\w+)|(?P<before>!))?$")
_SUM = re.compile(r"(?P<target>\w+), (\w+, )?(?P<addend>[a-z]\w+)(, lsl #(?P<shift>\d))?$")
_STEP = re.compile(r"(?P<target>\w+), (\w+, )?#(?P<step>\w+)$")
_ALIGNED_BASES = ("sp", "pc")

_Line = tuple[int, int, str, str]


def width_bytes(load: Instruction) -> int:
    """Bytes that a load of one register reads."""
    return _WIDTHS_BYTES[load.mnemonic]


def unaligned_loads(program: Program) -> list[Instruction]:
    """Loads of halfwords and words in `program` whose address is put together from bytes: an index, an offset or a step
    that the width does not divide, or a base that the function moves by such.

    Pointers that come from memory, from a caller or from the linker are taken for aligned, as C has it.
    """
    functions = [symbol for symbol in program.symbols if symbol.kind == "function" and symbol.bytes]
    found = {}
    for symbol in functions:
        lines = list(disassemble(program, symbol))
        granules = _granules(lines)
        for address, size, mnemonic, operands in lines:
            if _is_suspect(mnemonic, operands, granules):
                found[address] = decode(program.read(address, size), address)[0]
    return [found[address] for address in sorted(found)]


def _is_suspect(mnemonic: str, operands: str, granules: dict[str, int]) -> bool:
    width = _width(mnemonic)
    if width < 2:
        return False
    indexed, offset = _INDEXED.match(operands), _OFFSET.match(operands)
    if indexed:
        return min(1 << int(indexed["shift"] or 0), granules.get(indexed["base"], width)) < width
    if not offset or offset["base"] in _ALIGNED_BASES:
        return False
    return granules.get(offset["base"], width) < width or any(
        _number(offset[name]) % width for name in ("offset", "step")
    )


def _granules(lines: list[_Line]) -> dict[str, int]:
    """The least power of two by which a function moves a register; those that only move by words are left out."""
    granules: dict[str, int] = {}
    for _, _, mnemonic, operands in lines:
        total, step, offset = _SUM.match(operands), _STEP.match(operands), _OFFSET.match(operands)
        if mnemonic.startswith(("add", "sub")) and total:
            register, move = total["target"], 1 << int(total["shift"] or 0)
        elif mnemonic.startswith(("add", "sub")) and step:
            register, move = step["target"], _number(step["step"])
        elif mnemonic.startswith(("ldr", "str")) and offset and (offset["step"] or offset["before"]):
            register, move = offset["base"], _number(offset["step"] or offset["offset"])
        else:
            continue
        if move % 4:
            granules[register] = min(move & -move, granules.get(register, 4))
    return granules


def _width(mnemonic: str) -> int:
    match = _LOAD.match(mnemonic)
    return _WIDTHS_BYTES.get(match["name"], 0) if match else 0


def _number(text: str | None) -> int:
    return int(text, 0) if text else 0

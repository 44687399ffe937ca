"""What went wrong on the emulated core, in words: cause, place, registers."""

from __future__ import annotations

import bisect
from collections.abc import Mapping

import unicorn

from ganglion.firmware.elf import Program

from .library import Report

_MEMORY = {
    unicorn.UC_MEM_READ_UNMAPPED: "read of unmapped memory",
    unicorn.UC_MEM_WRITE_UNMAPPED: "write to unmapped memory",
    unicorn.UC_MEM_FETCH_UNMAPPED: "jump into unmapped memory",
    unicorn.UC_MEM_WRITE_PROT: "write to flash",
    unicorn.UC_MEM_READ_PROT: "read of protected memory",
    unicorn.UC_MEM_FETCH_PROT: "jump into memory without code",
}
_EXCEPTIONS = {
    1: "undefined instruction",
    2: "SVC, which the emulator does not model",
    3: "fetch abort",
    4: "data abort",
    7: "breakpoint (BKPT)",
    8: "exception return without an exception, or with a frame that is not modelled",
    17: "FPU instruction without access to the FPU",
    18: "jump to an even address, which is not Thumb code",
}
_UNMODELLED = {
    1: "an interrupt while the process stack is in use; the emulator models the main stack alone",
    2: "SysTick's interrupt is enabled; the emulator models its counter alone",
    3: "the core stopped by itself",
}


class EmulatorError(RuntimeError):
    """An image that the emulated board cannot run, or that faulted on it."""


class BudgetError(EmulatorError):
    """A program that neither sleeps nor returns within its instructions."""


def explain_fault(report: Report, program: Program, registers: Mapping[str, int]) -> str:
    """One message with the cause, the symbol around the PC, and all core registers."""
    return f"{_cause(report)} at {locate(report.pc, program)}; {format_registers(registers)}"


def locate(address: int, program: Program) -> str:
    """`0x08000123 (symbol+0x12)`, or the address alone outside of all functions."""
    functions = sorted(
        (symbol.address, symbol.bytes, symbol.name) for symbol in program.symbols if symbol.kind == "function"
    )
    index = bisect.bisect_right(functions, (address, 1 << 32, "")) - 1
    if index >= 0:
        start, size, name = functions[index]
        if start <= address < start + max(size, 2):
            return f"0x{address:08X} ({name}+0x{address - start:X})"
    return f"0x{address:08X}"


def format_registers(registers: Mapping[str, int]) -> str:
    """`r0=00000000 r1=...`."""
    return " ".join(f"{name}={value:08x}" for name, value in registers.items())


def _cause(report: Report) -> str:
    kind, detail, address = report.fault, report.fault_detail, report.fault_address
    if kind == 1:
        return f"{_MEMORY.get(detail, f'memory access of type {detail}')} at 0x{address:08X}"
    if kind == 2:
        return f"{'write to' if detail else 'read of'} the register 0x{address:08X}, which the emulator does not model"
    if kind == 3:
        return _EXCEPTIONS.get(detail, f"exception {detail}")
    if kind == 4:
        return f"undefined instruction ({unicorn.UcError(detail)})"
    return _UNMODELLED.get(detail, f"fault {kind}/{detail}")

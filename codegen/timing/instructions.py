"""Thumb machine code as the timing rules see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import capstone
from capstone import arm

_ALIASES = {"fconsts": "vmov", "fmstat": "vmrs"}
_STORES = {"str", "strb", "strh"}
_TRANSFERS = {"ldrd", "strd", "vldr", "vstr", "push", "pop", "vpush", "vpop"}
_TRANSFERS_WITH_BASE = {"ldm", "ldmdb", "stm", "stmdb", "vldmia", "vldmdb", "vstmia", "vstmdb"}
_BRANCHES = {"b", "bl", "bx", "blx", "cbz", "cbnz", "tbb", "tbh"}


class DecodeError(ValueError):
    """Bytes that are not Thumb code; says where."""


@dataclass(frozen=True)
class MemoryOperand:
    """An address: register `base` + `displacement`, + register `index` << `shift` where `index` is not None."""

    base: int
    index: int | None
    shift: int
    displacement: int


@dataclass(frozen=True)
class Instruction:
    """A decoded instruction. `mnemonic` is bare of condition, width and type; `form` picks between the rules of one
    mnemonic: "pc" (writes PC), "register" (store with a register offset), "pair" (two words between
    core and FPU), or "". Registers are capstone's numbers, double ones as their two singles."""

    address: int
    size_bytes: int
    mnemonic: str
    form: str
    text: str
    conditional: bool
    words: int
    reads: frozenset[int]
    late_reads: frozenset[int]
    writes: frozenset[int]
    loads: frozenset[int]
    address_registers: frozenset[int]
    memory: MemoryOperand | None

    @property
    def branches(self) -> bool:
        """Whether it can leave the straight line."""
        return self.mnemonic in _BRANCHES or self.form == "pc"

    @property
    def can_fall_through(self) -> bool:
        """Whether execution can go on behind it."""
        return not self.branches or self.conditional or self.mnemonic in ("cbz", "cbnz")

    def __str__(self) -> str:
        return f"{self.text!r} at 0x{self.address:08X}"


@lru_cache(maxsize=1024)
def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """All instructions of `code`, which starts at `address`; DecodeError where it is not Thumb code."""
    decoded = tuple(_instruction(item) for item in _disassembler().disasm(code, address))
    end = sum(item.size_bytes for item in decoded)
    if end != len(code):
        raise DecodeError(f"0x{address + end:08X}: {code[end : end + 4].hex()} is not a Thumb instruction")
    return decoded


@cache
def _disassembler() -> capstone.Cs:
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    disassembler.detail = True
    return disassembler


def _instruction(item: capstone.CsInsn) -> Instruction:
    mnemonic = _mnemonic(item)
    read, written = (frozenset(_singles(registers)) for registers in item.regs_access())
    memory = [operand.mem for operand in item.operands if operand.type == arm.ARM_OP_MEM]
    registers = [operand.reg for operand in item.operands if operand.type == arm.ARM_OP_REG]
    loaded = frozenset(registers[:1]) if mnemonic.startswith("ldr") else frozenset()
    return Instruction(
        item.address, item.size, mnemonic, _form(mnemonic, written, memory, registers),
        f"{item.mnemonic} {item.op_str}".strip(), item.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID),
        _words(mnemonic, registers), read, frozenset(_singles(registers[:1])), written, loaded,
        _address_registers(mnemonic, memory, registers), _memory_operand(item),
    )  # fmt: skip


def _mnemonic(item: capstone.CsInsn) -> str:
    name = item.insn_name()
    if name == "hint":
        name = item.mnemonic.split(".")[0]
    return _ALIASES.get(name, name)


def _form(mnemonic: str, written: frozenset[int], memory: list, registers: list[int]) -> str:
    if mnemonic not in _BRANCHES and arm.ARM_REG_PC in written:
        return "pc"
    if mnemonic in _STORES and any(operand.index for operand in memory):
        return "register"
    if mnemonic == "vmov" and len(registers) >= 3:
        return "pair"
    return ""


def _words(mnemonic: str, registers: list[int]) -> int:
    if mnemonic in _TRANSFERS_WITH_BASE:
        registers = registers[1:]
    elif mnemonic not in _TRANSFERS:
        return 0
    return len(_singles(registers))


def _address_registers(mnemonic: str, memory: list, registers: list[int]) -> frozenset[int]:
    found = {register for operand in memory for register in (operand.base, operand.index) if register}
    if mnemonic in _TRANSFERS_WITH_BASE:
        found.add(registers[0])
    if mnemonic in ("push", "pop", "vpush", "vpop"):
        found.add(arm.ARM_REG_SP)
    return frozenset(found)


def _memory_operand(item: capstone.CsInsn) -> MemoryOperand | None:
    for operand in item.operands:
        if operand.type == arm.ARM_OP_MEM:
            memory = operand.mem
            shift = operand.shift.value if operand.shift.type == arm.ARM_SFT_LSL else 0
            return MemoryOperand(memory.base, memory.index or None, shift, 0 if item.post_index else memory.disp)
    return None


def _singles(registers: list[int]) -> list[int]:
    result = []
    for register in registers:
        if arm.ARM_REG_D0 <= register <= arm.ARM_REG_D15:
            first = arm.ARM_REG_S0 + 2 * (register - arm.ARM_REG_D0)
            result += [first, first + 1]
        else:
            result.append(register)
    return result

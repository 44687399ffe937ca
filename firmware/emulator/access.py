"""Which instruction of a block is at work, told from the address that it accesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capstone import arm

from ganglion.codegen.timing import Instruction, MemoryOperand


class AccessError(ValueError):
    """An access that no instruction of the block, or more than one, may have made."""


def accesses(block: Sequence[Instruction], write: bool) -> tuple[Instruction, ...]:
    """The instructions of `block` that load, or store, one register."""
    stem = "str" if write else "ldr"
    return tuple(
        item for item in block
        if item.mnemonic.startswith(stem) and not item.mnemonic.endswith("d")
        and item.memory and item.memory.base != arm.ARM_REG_PC
    )  # fmt: skip


def find_access(
    block: Sequence[Instruction], candidates: Sequence[Instruction], target: int, register: Callable[[int], int]
) -> Instruction:
    """Which of the `candidates`, in the order of `block`, accesses the word at `target` now.

    `register` gives the present values of core registers. The instruction at work must compute `target` from them,
    so if only one does, it is that. Where several do and their registers do not change between them, all access
    `target`, and the first is at work. AccessError otherwise.
    """
    found = [item for item in candidates if _address(item.memory, register) == target]
    if not found:
        place = f"block 0x{block[0].address:08X}"
        raise AccessError(f"{place}: no LDR or STR of this block accesses 0x{target:08X}; use one for this register")
    changed = {
        written for item in block if found[0].address <= item.address < found[-1].address for written in item.writes
    }
    if any(item.address_registers & changed for item in found):
        raise AccessError(
            f"cannot tell which of {', '.join(map(str, found))} accesses 0x{target:08X}; "
            "put a branch between them or use different registers"
        )
    return found[0]


def _address(memory: MemoryOperand, register: Callable[[int], int]) -> int:
    address = register(memory.base) + memory.displacement
    if memory.index is not None:
        address += register(memory.index) << memory.shift
    return address & 0xFFFF_FFFF

"""Which instruction of a block is at work, told from the address that it accesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capstone import arm

from ganglion.codegen.timing import Instruction, MemoryOperand


class AccessError(ValueError):
    """An access that no instruction of the block, or more than one, may have made."""


def find_access(
    block: Sequence[Instruction], after: int, target: int, write: bool, register: Callable[[int], int]
) -> Instruction:
    """The instruction of `block` behind `after` that accesses the word at `target` now.

    `register` gives the present values of core registers. The instruction at work must compute `target` from them,
    so if only one does, it is that. Where several do and their registers do not change between them, all access
    `target`, and the first is at work. AccessError otherwise.
    """
    found = [
        item
        for item in block
        if item.address > after and item.memory and _accesses(item, write) and _address(item.memory, register) == target
    ]
    if not found:
        raise AccessError(f"{_place(block)}: no LDR or STR of this block accesses 0x{target:08X}; use one for this register")
    if len(found) > 1:
        between = [item for item in block if found[0].address <= item.address < found[-1].address]
        changed = frozenset().union(*(item.writes for item in between))
        if any(item.address_registers & changed for item in found):
            raise AccessError(
                f"{_place(block)}: cannot tell which of {', '.join(map(str, found))} accesses 0x{target:08X}; "
                "put a branch between them or use different registers"
            )
    return found[0]


def _accesses(item: Instruction, write: bool) -> bool:
    return item.mnemonic.startswith("str" if write else "ldr") and not item.mnemonic.endswith("d")


def _address(memory: MemoryOperand, register: Callable[[int], int]) -> int | None:
    if memory.base == arm.ARM_REG_PC:
        return None
    address = register(memory.base) + memory.displacement
    if memory.index is not None:
        address += register(memory.index) << memory.shift
    return address & 0xFFFF_FFFF


def _place(block: Sequence[Instruction]) -> str:
    return f"block 0x{block[0].address:08X}"

"""The slow way to count: every instruction of a call, one by one, in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const

from ganglion.codegen.timing import Core, Instruction, block_cycles, decode, pair_cycles

_STACK, _DATA, _RETURN = 0x6000_0000, 0x6800_0000, 0x6F00_0000


def count_call(elf: Path, address: int, arguments: list[int], data: bytes, core: Core, refill: int) -> tuple[int, int]:
    """(cycles, instructions) of a function called with `arguments`; `data` lies at 0x68000000."""
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    for base in (0x0800_0000, 0x2000_0000, _STACK, _DATA, _RETURN):
        uc.mem_map(base, 0x10000)
    with elf.open("rb") as stream:
        for segment in ELFFile(stream).iter_segments("PT_LOAD"):
            uc.mem_write(segment["p_vaddr"], segment.data())
    uc.mem_write(_DATA, data)
    steps: list[tuple[int, bytes]] = []
    uc.hook_add(unicorn.UC_HOOK_CODE, lambda uc, at, size, _: steps.append((at, bytes(uc.mem_read(at, size)))))
    for index, value in enumerate(arguments):
        uc.reg_write(arm_const.UC_ARM_REG_R0 + index, value)
    uc.reg_write(arm_const.UC_ARM_REG_SP, _STACK + 0x10000)
    uc.reg_write(arm_const.UC_ARM_REG_LR, _RETURN | 1)
    uc.emu_start(address | 1, _RETURN)
    code = {address: decode(content, address)[0] for address, content in steps}
    line = list(_with_skipped(uc, [address for address, _ in steps], code))
    return _cycles(uc, line, core, refill), len(line)


def _with_skipped(uc: unicorn.Uc, steps: list[int], code: dict[int, Instruction]) -> Iterator[Instruction]:
    """Instructions of IT blocks whose condition fails are passed over by unicorn and take their turn on the core."""
    for address, after in zip(steps, [*steps[1:], _RETURN], strict=True):
        yield code[address]
        end = address + code[address].size_bytes
        if not code[address].branches and after > end:
            yield from decode(bytes(uc.mem_read(end, after - end)), end)


def _cycles(uc: unicorn.Uc, line: list[Instruction], core: Core, refill: int) -> int:
    cycles, before = 0, None
    following = [step.address for step in line[1:]] + [_RETURN]
    for step, after in zip(line, following, strict=True):
        cycles += block_cycles(bytes(uc.mem_read(step.address, step.size_bytes)), step.address, after, core, refill)
        if before and not before.branches:
            cycles += pair_cycles(before, step, core)
        before = step
    return cycles

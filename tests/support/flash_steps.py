"""The slow way to count wait states: every instruction and every read of a call, one by one, in Python."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const

from ganglion.codegen.timing import Core, FlashModel, block_cycles, decode, pair_cycles

_STACK, _DATA, _RETURN = 0x6000_0000, 0x6800_0000, 0x6F00_0000
_PAGE = 0x1000


class Flash:
    """Lines and times as codegen/timing/flash_model.py tells them; `now` counts core and flash together."""

    def __init__(self, model: FlashModel) -> None:
        self.model, self.now = model, 0
        self._code, self._data = OrderedDict(), OrderedDict()
        self._current = self._ahead = None
        self._free = self._ahead_ready = 0

    def fetch(self, first: int, last: int) -> None:
        """An instruction from byte `first` to byte `last` is needed now."""
        size = self.model.line_bytes
        for line in sorted({first // size, last // size}):
            if line != self._current:
                self._fetch_line(line)

    def _fetch_line(self, line: int) -> None:
        if not _use(self._code, line, self.model.instruction_lines):
            if line == self._ahead:
                self.now = max(self.now, self._ahead_ready)
            else:
                self.now = max(self.now, self._free) + self.model.wait_states
            self._free = max(self._free, self.now)
        self._current = line
        if self.model.prefetch and line + 1 not in self._code and self._ahead != line + 1:
            self._free = max(self._free, self.now) + self.model.wait_states + 1
            self._ahead, self._ahead_ready = line + 1, self._free

    def read(self, address: int) -> None:
        """Data at `address` are needed now."""
        if not _use(self._data, address // self.model.line_bytes, self.model.data_lines):
            self.now = self._free = max(self.now, self._free) + self.model.wait_states


def _use(lines: OrderedDict, line: int, capacity: int) -> bool:
    held = line in lines
    lines[line] = True
    lines.move_to_end(line)
    if len(lines) > capacity:
        lines.popitem(last=False)
    return held


def count_with_flash(
    elf: Path, address: int, arguments: list[int], data: bytes, core: Core, model: FlashModel, calls: int
) -> list[int]:
    """Cycles of each of `calls` equal calls with P = 2; `data` lies at 0x68000000."""
    flash, counts, segments = Flash(model), [], _segments(elf)
    for _ in range(calls):
        uc, events = _record(segments, address, arguments, data)
        before = flash.now
        _replay(uc, _with_skipped(uc, events), core, flash, [segment for segment in segments if not segment[2]])
        counts.append(flash.now - before)
    return counts


def _segments(elf: Path) -> list[tuple[int, bytes, bool]]:
    """(address, content, whether it is written) of what is loaded."""
    with elf.open("rb") as stream:
        return [
            (segment["p_vaddr"], segment.data().ljust(segment["p_memsz"], b"\0"), bool(segment["p_flags"] & 2))
            for segment in ELFFile(stream).iter_segments("PT_LOAD")
        ]


def _record(segments: list[tuple], address: int, arguments: list[int], data: bytes) -> tuple[unicorn.Uc, list[tuple]]:
    """The core after the call, and for each executed instruction its address, its size and the addresses it read."""
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    uc.mem_map(_STACK, 0x10000)
    uc.mem_map(_DATA, 0x10000)
    uc.mem_map(_RETURN, _PAGE)
    pages = {page for at, content, _ in segments for page in range(at // _PAGE, (at + len(content)) // _PAGE + 1)}
    for page in pages:
        uc.mem_map(page * _PAGE, _PAGE)
    for at, content, _ in segments:
        uc.mem_write(at, content)
    uc.mem_write(_DATA, data)
    events: list[tuple] = []
    uc.hook_add(unicorn.UC_HOOK_CODE, lambda uc, at, size, _: events.append((at, size, [])))
    uc.hook_add(unicorn.UC_HOOK_MEM_READ, lambda uc, kind, at, size, value, _: events[-1][2].append(at))
    for index, value in enumerate(arguments):
        uc.reg_write(arm_const.UC_ARM_REG_R0 + index, value)
    uc.reg_write(arm_const.UC_ARM_REG_SP, _STACK + 0x10000)
    uc.reg_write(arm_const.UC_ARM_REG_LR, _RETURN | 1)
    uc.emu_start(address | 1, _RETURN)
    return uc, events


def _with_skipped(uc: unicorn.Uc, events: list[tuple]) -> list[tuple]:
    """Instructions of IT blocks whose condition fails take their turn on the core, too: marked by None for reads."""
    result = []
    for (address, size, reads), after in zip(events, [event[0] for event in events[1:]] + [_RETURN], strict=True):
        result.append((address, size, reads))
        (instruction,) = decode(bytes(uc.mem_read(address, size)), address)
        if not instruction.branches and after > address + size:
            skipped = decode(bytes(uc.mem_read(address + size, after - address - size)), address + size)
            result += [(item.address, item.size_bytes, None) for item in skipped]
    return result


def _replay(uc: unicorn.Uc, events: list[tuple], core: Core, flash: Flash, constant: list[tuple]) -> None:
    before = None
    following = [event[0] for event in events[1:]] + [_RETURN]
    begin, end = min(at for at, _, _ in constant), max(at + len(content) for at, content, _ in constant)
    for (address, size, reads), after in zip(events, following, strict=True):
        code = bytes(uc.mem_read(address, size))
        (instruction,) = decode(code, address)
        if before is not None and not before.branches:
            flash.now += pair_cycles(before, instruction, core)
        flash.fetch(address, address + size - 1)
        for read in reads or ():
            if begin <= read < end:
                flash.read(read)
        not_taken = reads is None and instruction.branches
        flash.now += 1 if not_taken else block_cycles(code, address, after, core)
        before = instruction

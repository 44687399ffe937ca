"""What the C part of the emulator is told, from what Python knows."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from ctypes import c_uint32
from dataclasses import dataclass

from ganglion.codegen.timing import FlashModel, Instruction, UnalignedLoads

from .alignment import width_bytes
from .faults import EmulatorError
from .library import MAX_RAM, Access, FlashConfig, LoadConfig, Range
from .registers import UNICORN_REGISTERS


@dataclass(frozen=True)
class Region:
    """Memory: first address, size in bytes (multiples of 4 KiB), and whether the program may write it."""

    origin: int
    bytes: int
    writable: bool


def flash_config(model: FlashModel, flash: Region) -> FlashConfig:
    """What the C part knows of the flash and its model."""
    return FlashConfig(
        flash.origin, flash.origin + flash.bytes,
        model.wait_states, model.line_bytes, model.instruction_lines, model.data_lines, model.prefetch,
    )  # fmt: skip


def ram_config(regions: Iterable[Region]) -> tuple[ctypes.Array[Range], int]:
    """What can be written; EmulatorError where that is in too many pieces."""
    ranges = sorted((region.origin, region.origin + region.bytes) for region in regions if region.writable)
    if len(ranges) > MAX_RAM:
        raise EmulatorError(f"{len(ranges)} separate pieces of RAM; the emulator has room for {MAX_RAM}")
    return (Range * MAX_RAM)(*(Range(*each) for each in ranges)), len(ranges)


def access_config(item: Instruction) -> Access:
    """How a load or store of one register computes its address."""
    memory = item.memory
    index = UNICORN_REGISTERS[memory.index] if memory.index is not None else 0
    displacement = memory.displacement & 0xFFFF_FFFF
    return Access(item.address, UNICORN_REGISTERS[memory.base], index, memory.shift, displacement)


def load_configs(loads: Sequence[Instruction], costs: UnalignedLoads) -> ctypes.Array[LoadConfig]:
    """Loads to watch, each with what it costs more by its address modulo 4."""
    by_width = {2: costs.halfword_cycles, 4: costs.word_cycles}
    return (LoadConfig * len(loads))(
        *(LoadConfig(access_config(load), (c_uint32 * 4)(*by_width[width_bytes(load)])) for load in loads)
    )

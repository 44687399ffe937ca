"""The cycle model asked by the running machine: each edge between blocks once."""

from __future__ import annotations

from collections.abc import Callable

from ganglion.codegen.timing import (
    Core,
    Instruction,
    block_cycles,
    check_instruction_set,
    decode,
    pair_cycles,
    prefix_cycles,
    start_cycles,
)


class FloatingPointDisabled(ValueError):
    """A floating-point instruction before the program gave access to the FPU (a UsageFault on the core)."""


class Pricer:
    """Cycles and instructions of edges, in code that `read` gives as bytes of (address, size).

    Every block passes the filter for instructions that `core` does not have. `float_enabled` tells whether the
    program has switched the FPU on.
    """

    def __init__(
        self, core: Core, refill: int, read: Callable[[int, int], bytes], float_enabled: Callable[[], bool]
    ) -> None:
        self._core = core
        self._refill = refill
        self._read = read
        self._float_enabled = float_enabled
        self._blocks: dict[tuple[int, int], tuple[bytes, tuple[Instruction, ...]]] = {}

    def edge(self, address: int, size: int, next_address: int) -> tuple[int, int]:
        """(cycles, instructions) of the block of `size` bytes at `address` when `next_address` follows; where the
        two are one straight line, the cost of their first pair belongs to the edge."""
        code, instructions = self._block(address, size)
        cycles = block_cycles(code, address, next_address, self._core, self._refill)
        last = instructions[-1]
        if next_address == address + size and not last.branches:
            follower = next_address, self._size_at(next_address)
            cycles += pair_cycles(last, self._block(*follower)[1][0], self._core)
        return cycles, len(instructions)

    def prefix(self, address: int, until: int) -> tuple[int, int]:
        """(cycles, instructions) of the straight line from `address` up to the instruction at `until`, left out."""
        _, instructions = self._block(address, until - address)
        return prefix_cycles(instructions, self._core, self._refill), len(instructions)

    def starts(self, address: int, size: int) -> list[int]:
        """For each halfword of the block, the cycles before the instruction that it belongs to."""
        _, instructions = self._block(address, size)
        starts = start_cycles(instructions, self._core, self._refill)
        return [start for start, item in zip(starts, instructions, strict=True) for _ in range(item.size_bytes // 2)]

    def instructions(self, address: int, size: int) -> tuple[Instruction, ...]:
        """The block of `size` bytes at `address`, decoded."""
        return self._block(address, size)[1]

    def _size_at(self, address: int) -> int:
        first = int.from_bytes(self._read(address, 2), "little")
        return 4 if first >> 11 in (0b11101, 0b11110, 0b11111) else 2

    def _block(self, address: int, size: int) -> tuple[bytes, tuple[Instruction, ...]]:
        key = address, size
        if key not in self._blocks:
            code = self._read(address, size)
            check_instruction_set(code, self._core, address)
            self._blocks[key] = code, decode(code, address)
        code, instructions = self._blocks[key]
        floats = next((item for item in instructions if item.mnemonic.startswith("v")), None)
        if floats and not self._float_enabled():
            raise FloatingPointDisabled(
                f"{floats} runs before CPACR gives access to the FPU; enable CP10 and CP11 first"
            )
        return code, instructions

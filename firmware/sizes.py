"""Flash and RAM of a linked program, counted from its symbols and sections."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .elf import Program
from .policy_record import PolicyRecord
from .stack import stack_bound_bytes

_KIND_OF_PREFIX = {"weights": "weights", "columns": "indices", "rows": "indices", "bias": "biases"}


@dataclass(frozen=True)
class FlashBytes:
    """Bytes of flash by what they hold. `code` is the policy's functions with their constants,
    `runtime` everything that would be there with any policy; the parts add up to `total`."""

    weights: int
    indices: int
    biases: int
    tables: int
    code: int
    runtime: int
    total: int

    @property
    def policy(self) -> int:
        """All that the policy needs: weights, indices, biases, tables and code."""
        return self.total - self.runtime


@dataclass(frozen=True)
class RamBytes:
    """`static` data and the proved bound of the `stack` (firmware/stack.py)."""

    static: int
    stack: int


@dataclass(frozen=True)
class Sizes:
    """What an image takes."""

    flash: FlashBytes
    ram: RamBytes


def measure_sizes(program: Program, record: PolicyRecord) -> Sizes:
    """Count a linked program. The linker script keeps all of the policy between two symbols, and the
    names of the arrays say what they are."""
    start, end = program.symbol("__policy_start").address, program.symbol("__policy_end").address
    arrays = {
        (symbol.address, symbol.bytes): _kind(symbol.name, record.name)
        for symbol in program.symbols
        if symbol.kind == "object" and start <= symbol.address < end
    }
    kinds = dict.fromkeys(("weights", "indices", "biases", "tables"), 0)
    for (_, count), kind in arrays.items():
        kinds[kind] += count
    total = len(program.flash)
    policy = end - start
    flash = FlashBytes(**kinds, code=policy - sum(kinds.values()), runtime=total - policy, total=total)
    static = sum(count for name, (_, count) in program.sections.items() if name in (".data", ".bss"))
    return Sizes(flash, RamBytes(static, stack_bound_bytes(program)))


def _kind(array: str, policy: str) -> str:
    own_name = re.sub(r"^part\d+_", "", array.removeprefix(f"{policy}_"))
    return next((kind for prefix, kind in _KIND_OF_PREFIX.items() if own_name.startswith(prefix)), "tables")

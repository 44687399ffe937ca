"""Cycles of basic blocks: a core's rules applied to decoded instructions and to the edge that was taken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .core import Core, Rule
from .flash_model import FlashModel
from .instructions import Instruction, decode

NOT_TAKEN_CYCLES = 1
"""A branch, or an instruction of an IT block that writes PC, that is not taken (table 3-1 of every core's manual)."""


class TimingError(ValueError):
    """Code that the model cannot price: no rule, or not a basic block; names the instruction."""


def block_cycles(code: bytes, address: int, next_address: int, core: Core, refill: int | None = None) -> int:
    """Cycles of the basic block `code` at `address` when the block at `next_address` follows.

    `refill` is P, the cycles of a pipeline refill (default: the core's). The first instruction is priced as if
    nothing stood before it: where a block continues another without a branch, add `pair_cycles` of the two
    instructions that meet. TimingError names an instruction without a rule.
    """
    instructions = decode(code, address)
    if not instructions:
        raise TimingError(f"the block at 0x{address:08X} is empty")
    last = instructions[-1]
    if _taken(last, next_address) or not last.branches:
        return prefix_cycles(instructions, core, refill)
    return prefix_cycles(instructions, core, refill) - _alone(last, core, core.refill(refill)) + NOT_TAKEN_CYCLES


def prefix_cycles(instructions: Sequence[Instruction], core: Core, refill: int | None = None) -> int:
    """Cycles of consecutive `instructions`, of which only the last may branch, and is taken if it does."""
    refill = core.refill(refill)
    for instruction in instructions[:-1]:
        if instruction.branches and not instruction.can_fall_through:
            raise TimingError(f"{instruction} leaves in the middle of a block; pass one basic block")
    own = sum(_alone(instruction, core, refill) for instruction in instructions)
    return own + sum(pair_cycles(first, second, core) for first, second in pairwise(instructions))


def start_cycles(instructions: Sequence[Instruction], core: Core, refill: int | None = None) -> list[int]:
    """For each of consecutive `instructions`, the cycles before it, what it costs to follow the one before included."""
    refill = core.refill(refill)
    starts, cycles, before = [], 0, None
    for instruction in instructions:
        cycles += pair_cycles(before, instruction, core) if before else 0
        starts.append(cycles)
        cycles += _alone(instruction, core, refill)
        before = instruction
    return starts


def cycles_source(core: Core, refill: int, flash: FlashModel) -> str:
    """Where a count of this model comes from, such as "model:cortex-m4,P=2,ws=0"; "estimate:..." where the core's
    table is no copy of its manual's."""
    kind = "estimate" if core.estimate else "model"
    return f"{kind}:{core.name},P={refill},{flash.label}"


def instruction_count(code: bytes, address: int) -> int:
    """Number of instructions in `code`."""
    return len(decode(code, address))


def pair_cycles(first: Instruction, second: Instruction, core: Core) -> int:
    """What `second` costs beyond its own cycles, negative where less, because it follows `first` directly."""
    before, rule = _rule(first, core), _rule(second, core)
    pairs = core.pairs
    if before.kind == "load" and rule.pipelined_cycles is not None and "load_pipelined" in pairs:
        return 0 if first.loads & second.address_registers else rule.pipelined_cycles - rule.cycles
    if before.kind == "data" and first.writes & second.address_registers and "address_late" in pairs:
        return pairs["address_late"].cycles
    if before.kind == "float" and first.writes & _needed_at_once(second, rule) and "float_late" in pairs:
        return pairs["float_late"].cycles
    return 0


def _needed_at_once(instruction: Instruction, rule: Rule) -> frozenset[int]:
    return instruction.reads - instruction.late_reads if rule.accumulates else instruction.reads


def _taken(last: Instruction, next_address: int) -> bool:
    falls_through = next_address == last.address + last.size_bytes
    if last.branches:
        return not (falls_through and last.can_fall_through)
    if not falls_through:
        raise TimingError(f"{last} does not branch, but 0x{next_address:08X} follows; pass a whole basic block")
    return False


def _alone(instruction: Instruction, core: Core, refill: int) -> int:
    rule = _rule(instruction, core)
    cycles = rule.cycles + rule.cycles_per_word * instruction.words + rule.cycles_per_refill * refill
    return cycles + refill if rule.refill else cycles


def _rule(instruction: Instruction, core: Core) -> Rule:
    rule = core.rules.get((instruction.mnemonic, instruction.form))
    if rule is None:
        form = f" ({instruction.form})" if instruction.form else ""
        raise TimingError(
            f"{core.name} has no timing rule for {instruction.mnemonic}{form}: {instruction}; "
            f"add one from {core.manual} or keep the instruction out"
        )
    return rule

"""The cycle model: what a basic block costs on a Cortex-M, by the tables of ARM's reference manuals.

One TOML file per core holds the rules, each with the section that it comes from. The emulator and the
choice of kernels both ask this package, so a prediction and a measurement cannot drift apart.
Modelled: zero wait states, aligned data, no contention with other bus masters. An instruction that sits in
an IT block is priced as if its condition held, so that counts are upper bounds there.
"""

from .core import Core, CoreError, Pair, Rule, core_names, load_core
from .instruction_set import InstructionSetError, check_instruction_set, instruction_sets
from .instructions import Instruction, MemoryOperand, decode
from .model import TimingError, block_cycles, instruction_count, pair_cycles, prefix_cycles

__all__ = [
    "Core", "CoreError", "Instruction", "InstructionSetError", "MemoryOperand", "Pair", "Rule", "TimingError",
    "block_cycles", "check_instruction_set", "core_names", "decode", "instruction_count", "instruction_sets",
    "load_core", "pair_cycles", "prefix_cycles",
]  # fmt: skip

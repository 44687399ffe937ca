"""The cycle model: what a basic block costs on a Cortex-M, by the tables of ARM's reference manuals.

One TOML file per core holds the rules, each with the section that it comes from. The emulator and the
choice of kernels both ask this package, so a prediction and a measurement cannot drift apart.
Modelled: zero wait states, no contention with other bus masters. An instruction that sits in
an IT block is priced as if its condition held, so that counts are upper bounds there. What a slower flash adds
depends on what ran before, and what a load costs that is not aligned on its address: a FlashModel and a core's
UnalignedLoads hold the numbers, and the emulator counts.
"""

from .core import Core, CoreError, Pair, Rule, UnalignedLoads, core_names, load_core
from .flash_model import ZERO_WAIT, FlashModel, FlashModelError, flash_model_names, load_flash_model
from .instruction_set import InstructionSetError, check_instruction_set, instruction_sets
from .instructions import Instruction, MemoryOperand, decode
from .model import (
    TimingError,
    block_cycles,
    cycles_source,
    instruction_count,
    pair_cycles,
    prefix_cycles,
    start_cycles,
)

__all__ = [
    "ZERO_WAIT", "Core", "CoreError", "FlashModel", "FlashModelError", "Instruction", "InstructionSetError",
    "MemoryOperand", "Pair", "Rule", "TimingError", "UnalignedLoads", "block_cycles", "check_instruction_set",
    "core_names", "cycles_source", "decode", "flash_model_names", "instruction_count", "instruction_sets", "load_core",
    "load_flash_model", "pair_cycles", "prefix_cycles", "start_cycles",
]  # fmt: skip

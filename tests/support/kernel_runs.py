"""A generated kernel as a function on an emulated core: its outputs, its cycles and its bytes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from tests.support.c_code import ZIG, write_headers

TARGETS = {"cortex-m0plus": "cortex_m0plus", "cortex-m3": "cortex_m3", "cortex-m4": "cortex_m4"}

_BATCH = """
#define {NAME}_NO_FLOAT
#include "{name}.h"
void {name}_batch(const {name}_code_t *codes, int16_t *z)
{{
    {name}_layers(codes, z);
}}
void {name}_actions(const {name}_code_t *codes, int16_t *actions)
{{
    {name}_infer_codes(codes, actions);
}}
"""
_ENTRY = "int entry(void)\n{\n    return 0;\n}\n"


@dataclass(frozen=True, eq=False)
class Run:
    """Action codes int16 (n, actions), and the least and most cycles and instructions of one inference."""

    actions: np.ndarray
    min_cycles: int
    max_cycles: int
    instructions: int
    stack_bytes: int


def cross_compiler(core: str) -> tuple[str, ...]:
    """Zig's C compiler for `core`, ready to compile and link."""
    return (*ZIG, "-target", "thumb-freestanding-eabi", f"-mcpu={TARGETS[core]}", "-ffreestanding", "-O2", "-fno-sanitize=all")


def build(policies: dict[str, Policy], kernel: str, folder: Path, core: str = "cortex-m4") -> tuple[Path, list[Plan]]:
    """An ELF file with `<name>_batch` (layers only) and `<name>_actions` of every policy."""
    plans = [compile_policy(policy, CompileOptions(name, kernel, core=core)) for name, policy in policies.items()]
    write_headers(plans, folder)
    source, elf = folder / "batch.c", folder / "batch.elf"
    source.write_text("".join(_BATCH.format(name=p.name, NAME=p.name.upper()) for p in plans) + _ENTRY)
    command = (*cross_compiler(core), "-g", "-nostdlib", "-Wl,--entry=entry", str(source), "-o", str(elf))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return elf, plans


def infer(caller: Caller, plan: Plan, codes: np.ndarray) -> Run:
    """Action codes of every row of `codes`, one call each."""
    codes = np.ascontiguousarray(codes, f"<i{plan.policy.observation.bits // 8}")
    source, target = caller.place(codes[0].tobytes()), caller.place(bytes(2 * plan.policy.actions))
    actions, results = [], []
    for row in codes:
        caller.engine.write(source, row.tobytes())
        results.append(caller.call(f"{plan.name}_actions", source, target))
        actions.append(np.frombuffer(caller.engine.read(target, 2 * plan.policy.actions), "<i2"))
    cycles = [result.cycles for result in results]
    return Run(np.array(actions), min(cycles), max(cycles), results[0].instructions, results[0].stack_bytes)


def layers_cycles(caller: Caller, plan: Plan, codes: np.ndarray) -> list[int]:
    """Cycles of the layers alone, one figure for each row of `codes`."""
    codes = np.ascontiguousarray(codes, f"<i{plan.policy.observation.bits // 8}")
    source, target = caller.place(codes[0].tobytes()), caller.place(bytes(2 * plan.policy.layers[-1].rows))
    result = []
    for row in codes:
        caller.engine.write(source, row.tobytes())
        result.append(caller.call(f"{plan.name}_{'straight'}", source, target).cycles)
    return result


def flash_bytes(elf: Path, name: str) -> int:
    """Bytes of the layers: their function and its table, as the linked file holds them."""
    names = (f"{name}_straight", f"{name}_weights")
    return sum(symbol.bytes for symbol in read_program(elf).symbols if symbol.name in names)

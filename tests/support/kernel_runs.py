"""A generated kernel as a function on an emulated core: its outputs, its cycles and its bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller, CallResult
from tests.support.c_code import ZIG, write_headers

_BUDGET_INSTRUCTIONS = 1 << 32
TARGETS = {"cortex-m0plus": "cortex_m0plus", "cortex-m3": "cortex_m3", "cortex-m4": "cortex_m4"}

_BATCH = """
#define {NAME}_NO_FLOAT
#include "{name}.h"
void {name}_actions(const {name}_code_t *codes, int16_t *actions, unsigned count);
void {name}_actions(const {name}_code_t *codes, int16_t *actions, unsigned count)
{{
    for (; count != 0u; count--) {{
        {name}_infer_codes(codes, actions);
        codes += {NAME}_FEATURES;
        actions += {NAME}_ACTIONS;
    }}
}}
"""
_ENTRY = "int entry(void);\nint entry(void)\n{\n    return 0;\n}\n"


def cross_compiler(core: str) -> tuple[str, ...]:
    """Zig's C compiler for `core`, ready to compile and link."""
    target = ("-target", "thumb-freestanding-eabi", f"-mcpu={TARGETS[core]}")
    return (*ZIG, *target, "-ffreestanding", "-O2", "-fno-sanitize=all")


def build(
    policies: Mapping[str, Policy], kernel: str | Mapping[str, str], folder: Path, core: str = "cortex-m4"
) -> tuple[Path, list[Plan]]:
    """An ELF file with `<name>_actions` of every policy, which calls its layers. `kernel` is that of all, or
    says by name which policy has which."""
    kernels = dict.fromkeys(policies, kernel) if isinstance(kernel, str) else kernel
    plans = [
        compile_policy(policy, CompileOptions(name, kernels[name], core=core)) for name, policy in policies.items()
    ]
    return build_plans(plans, folder, core), plans


def build_plans(plans: list[Plan], folder: Path, core: str) -> Path:
    """The same for plans of any kernels, in one program."""
    write_headers(plans, folder)
    source, elf = folder / "batch.c", folder / "batch.elf"
    source.write_text("".join(_BATCH.format(name=p.name, NAME=p.name.upper()) for p in plans) + _ENTRY)
    command = (*cross_compiler(core), "-g", "-nostdlib", "-Wl,--entry=entry", str(source), "-o", str(elf))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return elf


def infer_codes(caller: Caller, plan: Plan, codes: np.ndarray) -> np.ndarray:
    """Action codes int16 (n, actions) of observation codes (n, features), all in one call."""
    codes = np.ascontiguousarray(codes, f"<i{plan.policy.observation.bits // 8}")
    count, actions = len(codes), plan.policy.actions
    source, target = caller.place(codes.tobytes()), caller.place(bytes(2 * count * actions))
    caller.call(f"{plan.name}_actions", source, target, count, budget_instructions=_BUDGET_INSTRUCTIONS)
    return np.frombuffer(caller.engine.read(target, 2 * count * actions), "<i2").reshape(count, actions)


def call_layers(caller: Caller, plan: Plan, codes: np.ndarray) -> CallResult:
    """The layers alone, called with the codes (features,) of one observation."""
    source = caller.place(np.ascontiguousarray(codes, f"<i{plan.policy.observation.bits // 8}").tobytes())
    target = caller.place(bytes(2 * plan.policy.layers[-1].rows))
    table = [symbol.address for symbol in caller.program.symbols if symbol.name == f"{plan.name}_weights"]
    return caller.call(f"{plan.name}_straight", source, target, *table)


def flash_bytes(elf: Path, name: str) -> int:
    """Bytes of the layers: their function and its table, as the linked file holds them."""
    names = (f"{name}_straight", f"{name}_weights")
    return sum(symbol.bytes for symbol in read_program(elf).symbols if symbol.name in names)

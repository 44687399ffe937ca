"""One function in a program of its own for one core: its cycles, its bytes, its stack."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from ganglion.firmware.toolchain import ToolchainError

ENTRY = "run"
CORES = {
    "cortex-m0plus": ("eabi", "cortex_m0plus"),
    "cortex-m3": ("eabi", "cortex_m3"),
    "cortex-m4": ("eabihf", "cortex_m4+vfp4d16sp"),
}
_FLAGS = (
    "-std=c11", "-g", "-ffreestanding", "-fno-builtin", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fomit-frame-pointer",
    "-fno-sanitize=all", "-nostdlib", "-Wl,--gc-sections", f"-Wl,--entry={ENTRY}",
)  # fmt: skip
_SOURCE = """#include "{header}"
void {entry}(const {input_type} *x, {output_type} *y);
void {entry}(const {input_type} *x, {output_type} *y)
{{
    {function}(x, y);
}}
"""
_BUDGET_INSTRUCTIONS = 1 << 32


@dataclass(frozen=True)
class Function:
    """A function of a header that turns one vector into another; `header` is its text."""

    header: str
    name: str
    input_type: str
    output_type: str
    outputs: int
    output_dtype: str
    optimise: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What calls took at most, bytes of code and constants, and the results, one row for each input."""

    instructions: int
    cycles: int
    flash_bytes: int
    stack_bytes: int
    results: np.ndarray


def measure_function(function: Function, inputs: np.ndarray, core: str, folder: Path) -> Cost:
    """Compile `function` with Zig's C compiler for `core` in `folder`, and call it with each row of `inputs`;
    ToolchainError when the compiler refuses it."""
    elf = _build(function, core, folder)
    program = read_program(elf)
    flash_bytes = sum(count for name, (_, count) in program.sections.items() if name in (".text", ".rodata"))
    with Caller(elf, core) as caller:
        source, target = caller.place(bytes(inputs[0].nbytes)), caller.place(bytes(8 * function.outputs))
        calls, results = [], []
        for values in inputs:
            caller.engine.write(source, values.tobytes())
            calls.append(caller.call(ENTRY, source, target, budget_instructions=_BUDGET_INSTRUCTIONS))
            count = function.outputs * np.dtype(function.output_dtype).itemsize
            results.append(np.frombuffer(bytes(caller.engine.read(target, count)), function.output_dtype))
    return Cost(
        instructions=max(call.instructions for call in calls),
        cycles=max(call.cycles for call in calls),
        flash_bytes=flash_bytes - program.symbol(ENTRY).bytes,
        stack_bytes=max(call.stack_bytes for call in calls),
        results=np.array(results),
    )


def _build(function: Function, core: str, folder: Path) -> Path:
    (folder / "function.h").write_text(function.header)
    (folder / "run.c").write_text(
        _SOURCE.format(
            header="function.h",
            entry=ENTRY,
            input_type=function.input_type,
            output_type=function.output_type,
            function=function.name,
        )
    )
    abi, cpu = CORES[core]
    target = ("-target", f"thumb-freestanding-{abi}", f"-mcpu={cpu}", *function.optimise)
    command = (sys.executable, "-m", "ziglang", "cc", *target, *_FLAGS, "run.c", "-o", "run.elf")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise ToolchainError(f"{core}: zig cc stopped with exit code {result.returncode}:\n{result.stderr.strip()}")
    return folder / "run.elf"

"""One function in a program of its own for one core: its cycles, its bytes, its stack."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.codegen.timing import ZERO_WAIT
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
_FLASH, _STATIC = (".text", ".rodata", ".data"), (".data", ".bss")


@dataclass(frozen=True)
class Function:
    """A function of a header that turns one vector into another; `header` is its text, `folders` are searched for what
    it includes."""

    header: str
    name: str
    input_type: str
    output_type: str
    outputs: int
    output_dtype: str
    optimise: tuple[str, ...]
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What calls took at most and on average, bytes of code and constants, of stack and of static data, and the
    results, one row for each input."""

    instructions: int
    cycles: int
    mean_cycles: float
    flash_bytes: int
    stack_bytes: int
    static_bytes: int
    results: np.ndarray

    @property
    def ram_bytes(self) -> int:
        """Stack and static data."""
        return self.stack_bytes + self.static_bytes


def measure_function(
    function: Function, inputs: np.ndarray, core: str, folder: Path, flash_model: str = ZERO_WAIT
) -> Cost:
    """Compile `function` with Zig's C compiler for `core` in `folder`, and call it with each row of `inputs`, the first
    time with cold caches where flash is slow; ToolchainError when the compiler refuses it."""
    elf = _build(function, core, folder)
    program = read_program(elf)
    sizes = {name: count for name, (_, count) in program.sections.items()}
    with Caller(elf, core, flash_model=flash_model) as caller:
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
        mean_cycles=sum(call.cycles for call in calls) / len(calls),
        flash_bytes=sum(sizes.get(name, 0) for name in _FLASH) - program.symbol(ENTRY).bytes,
        stack_bytes=max(call.stack_bytes for call in calls),
        static_bytes=sum(sizes.get(name, 0) for name in _STATIC),
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
    search = (f"-isystem{path}" for path in function.folders)
    command = (sys.executable, "-m", "ziglang", "cc", *target, *_FLAGS, *search, "run.c", "-o", "run.elf")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise ToolchainError(f"{core}: zig cc stopped with exit code {result.returncode}:\n{result.stderr.strip()}")
    return folder / "run.elf"

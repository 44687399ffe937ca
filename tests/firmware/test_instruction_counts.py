"""Two emulators that know nothing of each other count the same instructions: ours, and QEMU with a plugin."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ganglion.bench.nets import erk_net
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator import Caller
from ganglion.firmware.emulator.faults import locate
from tests.support.c_code import ZIG, compile_file, write_headers
from tests.support.kernel_cores import kernels_and_cores
from tests.support.kernel_runs import cross_compiler

FOLDER = Path(__file__).parent / "qemu"
PROGRAM = "qemu-system-arm"
MACHINES = {"cortex-m0plus": "microbit", "cortex-m3": "mps2-an385", "cortex-m4": "mps2-an386"}
RUNS = kernels_and_cores(MACHINES)
OBSERVATIONS = 7

needs_qemu = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is missing")


@cache
def plugins_missing() -> bool:
    """Whether this QEMU was built without plugins; those of Debian have them."""
    return "-plugin" not in subprocess.run((PROGRAM, "--help"), capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if plugins_missing():
        pytest.skip(f"{PROGRAM} has no plugins")
    compiler = (shutil.which("cc"),) if shutil.which("cc") else ZIG
    output = tmp_path_factory.mktemp("plugin") / "block_counts.so"
    return compile_file(compiler, FOLDER / "block_counts.c", output, "-shared", "-fPIC", "-O2")


def link(kernel: str, core: str, folder: Path) -> Path:
    """The ELF file of `kernel` for a random net and random codes."""
    plan = compile_policy(erk_net((11, 48, 48, 3), 0.9), CompileOptions("net", kernel, core=core))
    write_headers([plan], folder)
    codes = np.random.default_rng(1).integers(-128, 128, (OBSERVATIONS, 11))
    rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in codes.tolist())
    table = f"static const net_code_t codes[OBSERVATIONS][NET_FEATURES] = {{{rows}}};\n"
    (folder / "codes.h").write_text(f"#define OBSERVATIONS {OBSERVATIONS}\n{table}")
    options = ("-DNET_NO_FLOAT", "-g", "-nostdlib", f"-I{folder}", "-T", str(FOLDER / "program.ld"))
    options += ("-Wl,--entry=reset_handler",)
    return compile_file(cross_compiler(core), FOLDER / "program.c", folder / "program.elf", *options)


def qemu_counts(elf: Path, machine: str, plugin: Path) -> dict[str, int]:
    """Instructions by function, those of the reset handler left out."""
    output = elf.with_suffix(".txt")
    command = (PROGRAM, "-machine", machine, "-nodefaults", "-display", "none", "-semihosting", "-kernel", str(elf))
    subprocess.run((*command, "-plugin", f"{plugin},out={output}"), check=True, timeout=60)
    program, counts = read_program(elf), Counter()
    for address, instructions, runs in (map(int, line.split()) for line in output.read_text().splitlines()):
        counts[locate(address, program).partition("(")[2].partition("+")[0]] += instructions * runs
    del counts["reset_handler"]
    return dict(counts)


def own_counts(elf: Path, core: str) -> dict[str, int]:
    with Caller(elf, core) as caller:
        total = caller.call("run").instructions
        counts = {name: tally.instructions for name, tally in caller.engine.profile().items()}
    assert sum(counts.values()) == total
    return counts


@needs_qemu
@pytest.mark.parametrize(("kernel", "core"), RUNS)
def test_qemu_counts_the_same_instructions(kernel: str, core: str, plugin: Path, tmp_path: Path) -> None:
    elf = link(kernel, core, tmp_path)
    assert qemu_counts(elf, MACHINES[core], plugin) == own_counts(elf, core)

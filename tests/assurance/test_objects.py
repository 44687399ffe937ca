"""What the machine code of every kernel calls, and how long it takes at most."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.firmware.emulator import Caller
from tests.support.c_code import ZIG, write_headers
from tests.support.kernel_cores import kernels_and_cores
from tests.support.kernel_runs import build, cross_compiler, infer_codes
from tests.support.policies import random_policy

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4")
BUILDS = kernels_and_cores(CORES)
POLICY = random_policy(4, (11, 48, 48, 3), 0.9, hidden_bits=16)
SOURCE = """#include "net.h"
uint8_t infer(const {input} *x, int16_t *y);
int check(void);
uint8_t infer(const {input} *x, int16_t *y)
{{
    {body}
}}
int check(void)
{{
    return net_self_test();
}}
"""
INTEGERS = SOURCE.format(input="net_code_t", body="net_infer_codes(x, y);\n    return 0;")
FLOATS = SOURCE.format(
    input="float", body="net_code_t codes[NET_FEATURES];\n    const uint8_t status = net_quantise(x, codes);\n"
    "    net_infer_codes(codes, y);\n    return status;",
)  # fmt: skip


def undefined_symbols(kernel: str, core: str, source: str, folder: Path, compiler: tuple[str, ...], *flags: str) -> set:
    plan = compile_policy(POLICY, CompileOptions("net", kernel, core=core))
    write_headers([plan], folder)
    (folder / "use.c").write_text(source)
    plain = ("-fno-builtin", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
    command = (*compiler, *plain, *flags, "-c", str(folder / "use.c"), "-o", str(folder / "use.o"))
    subprocess.run(command, check=True)
    with (folder / "use.o").open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".symtab").iter_symbols()
        return {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name}


@pytest.mark.parametrize(("kernel", "core"), BUILDS)
def test_no_object_calls_a_library(kernel: str, core: str, tmp_path: Path) -> None:
    assert undefined_symbols(kernel, core, INTEGERS, tmp_path, cross_compiler(core), "-DNET_NO_FLOAT") == set()


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_observation_map_calls_none_where_there_is_an_fpu(kernel: str, tmp_path: Path) -> None:
    compiler = (*ZIG, "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp")
    flags = ("-O2", "-ffreestanding", "-ffp-contract=off", "-fno-sanitize=all")
    assert undefined_symbols(kernel, "cortex-m4", FLOATS, tmp_path, compiler, *flags) == set()


@pytest.mark.long
@pytest.mark.parametrize("kernel", ["straight", "lanes"])
def test_10000_inferences_take_the_same_cycles(kernel: str, tmp_path: Path) -> None:
    """Corners first: all lowest, all highest, alternating, all zero; then random codes."""
    elf, (plan,) = build({"net": random_policy(5, (11, 256, 256, 3), 0.98, hidden_bits=16)}, kernel, tmp_path)
    codes = np.random.default_rng(0).integers(-128, 128, (10_000, 11))
    codes[:4] = np.array([-128, 127, 0, 0])[:, None]
    codes[3, ::2] = -128
    with Caller(elf) as caller:
        (layers,) = (s for s in caller.program.symbols if s.name in ("net_straight", "net_layers"))
        span = caller.engine.watch(layers.address)
        infer_codes(caller, plan, codes)
        tally = caller.engine.span(span)
    assert tally.calls == 10_000
    assert tally.min_cycles == tally.max_cycles

"""Straight-line kernels on emulated cores: equal to the oracle, constant in time, no larger or slower than before."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.reference import infer_codes
from ganglion.codegen.timing import check_instruction_set, load_core
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from ganglion.firmware.emulator.faults import EmulatorError
from tests.support import kernel_runs
from tests.support.c_code import STRICT, compile_file, write_headers
from tests.support.kernel_cases import NETS, PLACES, corner_codes
from tests.support.policies import random_policy

CORES = {"straight-v6m": "cortex-m0plus", "shifts": "cortex-m3", "straight": "cortex-m4", "lanes": "cortex-m4"}
LIMITS = {
    "straight-v6m": {"n95": (14842, 27056), "n98": (4862, 9090), "e98": (4501, 8100), "n99": (1426, 2636)},
    "shifts": {"n95": (10466, 29468), "n98": (3308, 9834), "e98": (3101, 8748), "n99": (934, 2722)},
    "straight": {"n95": (8512, 27044), "n98": (2754, 8896), "e98": (2567, 7974), "n99": (801, 2544)},
    "lanes": {"n95": (7181, 28540), "n98": (2237, 9518), "e98": (2157, 8970), "n99": (626, 2598)},
}
"""Cycles of the layers (P = 2 on a Cortex-M4, no wait states) and bytes of code and table: today's counts."""


@pytest.fixture(scope="module", params=CORES)
def built(request, tmp_path_factory):
    core = CORES[request.param]
    elf, plans = kernel_runs.build(NETS, request.param, tmp_path_factory.mktemp(request.param), core)
    return request.param, elf, {plan.name: plan for plan in plans}


@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_in_constant_time(built, net):
    kernel, elf, plans = built
    sample = corner_codes(NETS[net], 1_000)
    with Caller(elf, CORES[kernel]) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))
        assert len({kernel_runs.call_layers(caller, plans[net], codes).cycles for codes in sample[:12]}) == 1


@pytest.mark.parametrize("net", NETS)
def test_cycles_and_bytes_do_not_grow(built, net):
    kernel, elf, plans = built
    with Caller(elf, CORES[kernel]) as caller:
        cycles = kernel_runs.call_layers(caller, plans[net], np.zeros(11)).cycles
    max_cycles, max_bytes = LIMITS[kernel][net]
    assert cycles <= max_cycles and kernel_runs.flash_bytes(elf, net) <= max_bytes


@pytest.mark.parametrize("net", NETS)
def test_the_stack_is_what_the_header_says(built, net):
    kernel, elf, plans = built
    with Caller(elf, CORES[kernel]) as caller:
        used = kernel_runs.call_layers(caller, plans[net], np.zeros(11)).stack_bytes
    assert f"; {used} bytes of stack. */" in plans[net].files[f"{net}.h"]


@pytest.mark.parametrize(("kernel", "core"), [place for place in PLACES if place[0] in CORES])
def test_only_instructions_that_the_core_has(kernel, core, tmp_path):
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, kernel, tmp_path, core)
    check_instruction_set(_bytes_of(elf), load_core(core))


def test_the_instructions_of_a_larger_core_are_refused(tmp_path):
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, "straight", tmp_path)
    with pytest.raises(ValueError, match=r"cortex-m0plus .* does not have"):
        check_instruction_set(_bytes_of(elf), load_core("cortex-m0plus"))
    with Caller(elf, "cortex-m0plus") as caller, pytest.raises(EmulatorError, match=r"cortex-m0plus .* does not have"):
        caller.call("n99_straight", caller.place(bytes(11)), caller.place(bytes(6)))


@pytest.mark.parametrize(("kernel", "core"), CORES.items())
def test_gcc_makes_the_same_code(kernel, core, tmp_path):
    gcc = shutil.which("arm-none-eabi-gcc")
    if gcc is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, kernel, tmp_path, core)
    flags = (f"-mcpu={core}", "-mthumb", "-O2", "-std=c99", "-nostdlib", "-Wl,--entry=entry", *STRICT)
    other = tmp_path / "gcc.elf"
    compile_file((gcc,), tmp_path / "batch.c", other, *flags)
    assert _bytes_of(elf) == _bytes_of(other)


def _bytes_of(elf) -> bytes:
    program = read_program(elf)
    symbol = program.symbol("n99_straight")
    return program.read(symbol.address, symbol.bytes)


@pytest.mark.parametrize("kernel", ["straight", "lanes"])
def test_the_wrong_core_is_refused(kernel, tmp_path):
    with pytest.raises(OptionsError, match=rf"{kernel} needs .* cortex-m0plus does not have; kernels for .*: csr"):
        compile_policy(NETS["n99"], CompileOptions("net", kernel, core="cortex-m0plus"))
    plan = compile_policy(NETS["n99"], CompileOptions("net", kernel))
    write_headers([plan], tmp_path)
    command = (*kernel_runs.cross_compiler("cortex-m0plus"), "-c", "-x", "c", "net.h", "-o", "net.o")
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode != 0 and "generate it with kernel" in result.stderr


def test_lanes_need_dsp_instructions():
    with pytest.raises(
        OptionsError, match=r"lanes needs .* dsp, which cortex-m3 .*; kernels for cortex-m3: csr, .*straight"
    ):
        compile_policy(NETS["n99"], CompileOptions("net", "lanes", core="cortex-m3"))


def test_what_cannot_be_addressed_is_refused():
    with pytest.raises(ValueError, match=r"hidden activations have to be stored.*use the kernel csr"):
        compile_policy(random_policy(0, (2, 1100, 5), 0.4, hidden_bits=16), CompileOptions("wide", "straight"))


def test_a_stack_beyond_all_offsets_is_refused_for_armv6m():
    policy = random_policy(0, (2, 9000, 5), 0.4, hidden_bits=16)
    with pytest.raises(ValueError, match=r"words have to lie on the stack; .* addresses 8192: use the kernel csr"):
        compile_policy(policy, CompileOptions("wide", "straight-v6m", core="cortex-m0plus"))


def test_words_that_sp_does_not_reach(tmp_path):
    """Three ways to address the stack: from SP, one addition away, and anywhere."""
    policy = random_policy(0, (4, 600, 5), 0.5, hidden_bits=16)
    elf, (plan,) = kernel_runs.build({"wide": policy}, "straight-v6m", tmp_path, "cortex-m0plus")
    sample = corner_codes(policy, 100)
    with Caller(elf, "cortex-m0plus") as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), infer_codes(policy, sample))
    text = plan.files["wide.h"]
    assert "sp, #1020" in text and "lsls r1, r1, #7" in text and "add r1, sp" in text

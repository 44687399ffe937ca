"""Straight-line kernels on emulated cores: equal to the oracle, constant in time, no larger or slower than before."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.reference import infer_codes
from ganglion.codegen.timing import check_instruction_set, load_core
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.c_code import STRICT, ZIG_CPP, compile_file, write_headers
from tests.support.nets import erk_net
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies

KERNELS = ("straight", "lanes")
NETS = {"n98": erk_net(), "e98": erk_net(hidden_bits=8), "n99": erk_net(sparsity=0.99)}
LIMITS = {
    "straight": {"n98": (2754, 8896), "e98": (2567, 7974), "n99": (801, 2544)},
    "lanes": {"n98": (2264, 9504), "e98": (2174, 8880), "n99": (639, 2632)},
}
"""Cycles of the layers on a Cortex-M4 (P = 2, no wait states) and bytes of code and table: today's counts."""


def _corners(policy, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low, high = policy.observation.code_range
    result = rng.integers(low, high + 1, (count, policy.features))
    result[0], result[1], result[2] = low, high, 0
    result[3:9] = rng.choice([low, high], (6, policy.features))
    return result


@pytest.fixture(scope="module", params=KERNELS)
def built(request, tmp_path_factory):
    elf, plans = kernel_runs.build(NETS, request.param, tmp_path_factory.mktemp(request.param))
    return request.param, elf, {plan.name: plan for plan in plans}


@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_in_constant_time(built, net):
    _, elf, plans = built
    sample = _corners(NETS[net], 2_000)
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))
        assert len({kernel_runs.call_layers(caller, plans[net], codes).cycles for codes in sample[:12]}) == 1


@pytest.mark.long
@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_on_10000_inputs(built, net):
    _, elf, plans = built
    sample = _corners(NETS[net], 10_000, seed=1)
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))


@pytest.mark.parametrize("net", NETS)
def test_cycles_and_bytes_do_not_grow(built, net):
    kernel, elf, plans = built
    with Caller(elf) as caller:
        cycles = kernel_runs.call_layers(caller, plans[net], np.zeros(11)).cycles
    max_cycles, max_bytes = LIMITS[kernel][net]
    assert cycles <= max_cycles and kernel_runs.flash_bytes(elf, net) <= max_bytes


@pytest.mark.parametrize("net", NETS)
def test_the_stack_is_what_the_header_says(built, net):
    _, elf, plans = built
    with Caller(elf) as caller:
        used = kernel_runs.call_layers(caller, plans[net], np.zeros(11)).stack_bytes
    assert f"; {used} bytes of stack. */" in plans[net].files[f"{net}.h"]


@pytest.mark.parametrize(
    ("kernel", "core"), [("straight", "cortex-m3"), ("straight", "cortex-m4"), ("lanes", "cortex-m4")]
)
def test_only_instructions_that_the_core_has(kernel, core, tmp_path):
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, kernel, tmp_path, core)
    program = read_program(elf)
    symbol = program.symbol("n99_straight")
    check_instruction_set(program.read(symbol.address, symbol.bytes), load_core(core), symbol.address)
    sample = _corners(NETS["n99"], 50)
    with Caller(elf, core) as caller:
        plan = compile_policy(NETS["n99"], CompileOptions("n99", kernel, core=core))
        assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), infer_codes(NETS["n99"], sample))


def _degenerate():
    full = random_policy(3, (11, 20, 12, 3), sparsity=0.0)
    lowest = tuple(replace(layer, weights=np.full_like(layer.weights, -128)) for layer in full.layers)
    yield replace(full, layers=lowest)
    yield full
    yield random_policy(4, (64, 30, 17), sparsity=0.5, hidden_bits=16, observation_bits=16)
    yield random_policy(5, (1, 300, 5), sparsity=0.3, hidden_bits=16, head="argmax")
    yield random_policy(6, (40, 3), sparsity=0.9, head="clip")
    yield random_policy(7, (5, 16, 16, 16, 2), sparsity=0.6, hidden_bits=16)
    wide = random_policy(8, (6, 12, 10, 3), sparsity=0.5)
    weights = wide.layers[1].weights.astype(np.int16) * 100
    yield replace(wide, layers=(wide.layers[0], replace(wide.layers[1], weights=weights), wide.layers[2]))
    empty = replace(wide.layers[1], weights=wide.layers[1].weights * 0)
    yield replace(wide, layers=(wide.layers[0], empty, wide.layers[2]))


@pytest.mark.parametrize("kernel", KERNELS)
def test_degenerate_policies(kernel, tmp_path):
    given_policies = {f"d{i}": replace(p, digest=digest(p)) for i, p in enumerate(_degenerate())}
    _check_equal(given_policies, kernel, tmp_path)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(policies(), min_size=5, max_size=5))
def test_generated_policies(kernel, tmp_path_factory, batch):
    """Policies share a program, since starting the compiler takes longer than all of the rest."""
    _check_equal({f"p{i}": p for i, p in enumerate(batch)}, kernel, tmp_path_factory.mktemp("generated"))


@pytest.mark.long
@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(policies(), min_size=5, max_size=5))
def test_many_generated_policies(kernel, tmp_path_factory, batch):
    _check_equal({f"p{i}": p for i, p in enumerate(batch)}, kernel, tmp_path_factory.mktemp("generated"))


def _check_equal(given_policies, kernel, folder):
    elf, plans = kernel_runs.build(given_policies, kernel, folder)
    with Caller(elf) as caller:
        for plan, policy in zip(plans, given_policies.values(), strict=True):
            sample = codes(policy, 1, 24)
            assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), infer_codes(policy, sample))


@pytest.mark.parametrize("kernel", KERNELS)
def test_headers_are_clean_in_cpp(kernel, tmp_path):
    plan = compile_policy(NETS["n99"], CompileOptions("net", kernel))
    write_headers([plan], tmp_path)
    source = tmp_path / "net.cpp"
    source.write_text('#include "net.h"\nint main() { return net_self_test(); }\n')
    target = ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4", "-c", "-std=c++11")
    compile_file((*ZIG_CPP, *target), source, tmp_path / "net.o", *STRICT)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gcc_makes_the_same_code(kernel, tmp_path):
    gcc = shutil.which("arm-none-eabi-gcc")
    if gcc is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, kernel, tmp_path)
    flags = ("-mcpu=cortex-m4", "-mthumb", "-O2", "-std=c99", "-nostdlib", "-Wl,--entry=entry", *STRICT)
    other = tmp_path / "gcc.elf"
    compile_file((gcc,), tmp_path / "batch.c", other, *flags)
    assert _bytes_of(elf) == _bytes_of(other)


def _bytes_of(elf) -> bytes:
    program = read_program(elf)
    symbol = program.symbol("n99_straight")
    return program.read(symbol.address, symbol.bytes)


@pytest.mark.parametrize("kernel", KERNELS)
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

"""The kernels `stream` and `rows`: equal to the oracle in assembly and in C, and as small and fast as they were."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ganglion.codegen.actor import digest
from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import activations, infer_codes
from ganglion.codegen.rows import Bucket, sort_rows
from ganglion.codegen.rows import pack as pack_rows
from ganglion.codegen.rows import unpack as unpack_rows
from ganglion.codegen.stream import DENSE, sort_neurons
from ganglion.codegen.stream import pack as pack_stream
from ganglion.codegen.stream import unpack as unpack_stream
from ganglion.codegen.timing import check_instruction_set, load_core
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from ganglion.firmware.stack import read_frames
from tests.support import kernel_runs
from tests.support.c_code import STRICT, ZIG_CPP, Batch, c_compilers, compile_file, write_headers
from tests.support.nets import erk_net
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies

KERNELS = ("stream", "rows")
NETS = {"n95": erk_net(sparsity=0.95), "n98": erk_net(), "e98": erk_net(hidden_bits=8), "n99": erk_net(sparsity=0.99)}
COUNTS = {
    "stream": {"n95": (223453, 5582), "n98": (77688, 1984), "e98": (72185, 1730), "n99": (20620, 705)},
    "rows": {"n95": (17726, 12183), "n98": (5942, 4602), "e98": (5505, 4123), "n99": (1630, 1682)},
}
"""Cycles of the layers on a Cortex-M4 (P = 2, no wait states), the tanh head not counted, and bytes of their code and
arrays: exact, so that a change in either direction is seen."""


def _sample(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
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
def test_equal_to_the_oracle_in_the_emulator(built, net):
    kernel, elf, plans = built
    sample = _sample(NETS[net], 40 if kernel == "stream" else 500)
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))


@pytest.mark.long
@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_on_more_inputs_in_the_emulator(built, net):
    kernel, elf, plans = built
    sample = _sample(NETS[net], 2_000 if kernel == "stream" else 10_000, seed=1)
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))


@pytest.mark.parametrize("kernel", KERNELS)
def test_equal_to_the_oracle_natively(kernel, tmp_path):
    nets = {"n98": NETS["n98"], "e98": NETS["e98"]}
    plans = [compile_policy(policy, CompileOptions(name, kernel)) for name, policy in nets.items()]
    batch = Batch(plans, tmp_path, c_compilers()[0], "-O2", *STRICT)
    for plan, policy in zip(plans, nets.values(), strict=True):
        sample = _sample(policy, 2_000)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(policy, sample))
        assert batch.self_test(plan) == 0


@pytest.mark.parametrize("net", NETS)
def test_cycles_are_constant_and_cycles_and_bytes_as_they_were(built, net):
    kernel, elf, _ = built
    with Caller(elf) as caller:
        target = caller.place(bytes(64))
        cycles = {
            caller.call(f"{net}_layers", caller.place(row.astype(np.int8).tobytes()), target).cycles
            for row in _sample(NETS[net], 12)
        }
    assert (cycles, _layer_bytes(elf, net)) == ({COUNTS[kernel][net][0]}, COUNTS[kernel][net][1])


def _layer_bytes(elf, name: str) -> int:
    """Bytes of everything but the tanh head and what calls it."""
    own = (f"{name}_layers", f"{name}_weights", f"{name}_bias")
    return sum(symbol.bytes for symbol in read_program(elf).symbols if symbol.name.startswith(own))


def test_the_stack_has_a_bound_that_holds(built):
    _, elf, _ = built
    program = read_program(elf)
    frames = read_frames(program)
    with Caller(elf) as caller:
        codes, target = caller.place(bytes(16)), caller.place(bytes(16))
        for net in NETS:
            frame = frames[program.symbol(f"{net}_layers").address]
            assert frame.calls <= frames.keys() and all(frames[called].bytes == 0 for called in frame.calls)
            assert caller.call(f"{net}_layers", codes, target).stack_bytes == frame.bytes


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3"])
def test_other_cores(kernel, core, tmp_path):
    elf, (plan,) = kernel_runs.build({"n99": NETS["n99"]}, kernel, tmp_path, core)
    sample = _sample(NETS["n99"], 20)
    with Caller(elf, core) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), infer_codes(NETS["n99"], sample))


def test_assembly_has_only_instructions_of_the_smallest_core_that_takes_it(tmp_path):
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, "rows", tmp_path, "cortex-m3")
    program = read_program(elf)
    symbol = program.symbol("n99_layers")
    check_instruction_set(program.read(symbol.address, symbol.bytes), load_core("cortex-m3"), symbol.address)


def _degenerate():
    full = random_policy(3, (11, 20, 12, 3), sparsity=0.0)
    yield replace(full, layers=tuple(replace(x, weights=np.full_like(x.weights, -128)) for x in full.layers))
    yield full
    yield random_policy(4, (64, 30, 17), sparsity=0.5, hidden_bits=16, observation_bits=16)
    yield random_policy(5, (1, 300, 5), sparsity=0.3, hidden_bits=16, head="argmax")
    yield random_policy(6, (40, 3), sparsity=0.9, head="clip")
    yield random_policy(7, (5, 16, 16, 16, 2), sparsity=0.6, hidden_bits=16)
    yield random_policy(8, (300, 260, 3), sparsity=0.97)
    wide = random_policy(9, (6, 12, 10, 3), sparsity=0.5)
    weights = wide.layers[1].weights.astype(np.int16) * 100
    yield replace(wide, layers=(wide.layers[0], replace(wide.layers[1], weights=weights), wide.layers[2]))
    empty = replace(wide.layers[1], weights=wide.layers[1].weights * 0)
    yield replace(wide, layers=(wide.layers[0], empty, wide.layers[2]))
    far = replace(wide.layers[1], bias=wide.layers[1].bias + np.int32(1 << 29) * (np.arange(10) % 2).astype(np.int32))
    yield replace(wide, layers=(wide.layers[0], far, wide.layers[2]))
    mixed = replace(wide.layers[0], output_bits=16)
    yield replace(wide, layers=(mixed, *wide.layers[1:]))


@pytest.mark.parametrize("kernel", KERNELS)
def test_degenerate_policies(kernel, tmp_path):
    _check_equal({f"d{i}": replace(p, digest=digest(p)) for i, p in enumerate(_degenerate())}, kernel, tmp_path)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(policy=policies())
def test_generated_policies(kernel, tmp_path_factory, policy):
    _check_equal({"p": policy}, kernel, tmp_path_factory.mktemp("generated"))


def _check_equal(given_policies, kernel, folder):
    """In the emulated core (assembly) and natively (C)."""
    elf, plans = kernel_runs.build(given_policies, kernel, folder)
    batch = Batch(plans, folder, c_compilers()[0])
    with Caller(elf) as caller:
        for plan, policy in zip(plans, given_policies.values(), strict=True):
            sample = codes(policy, 1, 12)
            expected = infer_codes(policy, sample)
            assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), expected), plan.name
            assert np.array_equal(batch.codes(plan, sample), expected), plan.name


@pytest.mark.parametrize("kernel", KERNELS)
def test_headers_are_clean_in_cpp(kernel, tmp_path):
    write_headers([compile_policy(NETS["n99"], CompileOptions("net", kernel))], tmp_path)
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
    other = compile_file((gcc,), tmp_path / "batch.c", tmp_path / "gcc.elf", *flags)
    assert _layer_bytes(elf, "n99") == _layer_bytes(other, "n99") == COUNTS[kernel]["n99"][1]


@settings(max_examples=60, deadline=None)
@given(policies())
def test_the_stream_loses_nothing(policy):
    live = sort_neurons(simplify(policy))
    layers = [layer for layer in live.layers if layer.rows]
    for layer, (weights, bias, shifts) in zip(layers, unpack_stream(pack_stream(live)), strict=True):
        assert np.array_equal(weights, layer.weights) and np.array_equal(shifts, layer.shifts)
        assert np.array_equal(bias, layer.bias + ((1 << layer.shifts) >> 1))


@settings(max_examples=60, deadline=None)
@given(policies())
def test_bucketed_rows_lose_nothing(policy):
    ordered = sort_rows(simplify(policy))
    for layer, bounds in zip(ordered.layers, prove_bounds(ordered), strict=True):
        if layer.rows:
            weights, shifts = unpack_rows(pack_rows(layer, bounds))
            assert np.array_equal(weights, layer.weights) and np.array_equal(shifts, layer.shifts)


@pytest.mark.parametrize("sort", [sort_neurons, sort_rows])
@settings(max_examples=30, deadline=None)
@given(policies())
def test_the_order_of_hidden_neurons_changes_no_output(sort, policy):
    sample = codes(policy, 2, 20)
    assert np.array_equal(activations(sort(policy), sample)[-1], activations(policy, sample)[-1])


def test_a_nearly_full_layer_has_no_gaps():
    packed = pack_stream(sort_neurons(simplify(NETS["n95"])))
    assert [layer.gap == DENSE for layer in packed.layers] == [False, False, True]


def test_buckets_hold_short_and_common_rows():
    policy = random_policy(shape=(40, 9, 1), sparsity=0.0)
    weights = np.zeros((9, 40), np.int8)
    for row, length in enumerate([30, 2, 12, 12, 2, 12, 1, 20, 30]):
        weights[row, :length] = 1
    policy = replace(policy, layers=(replace(policy.layers[0], weights=weights), policy.layers[1]))
    ordered = sort_rows(policy)
    packed = pack_rows(ordered.layers[0], prove_bounds(ordered)[0])
    assert packed.buckets == (Bucket(1, 1), Bucket(2, 2), Bucket(12, 3)) and packed.quad_rows == 3

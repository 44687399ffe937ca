"""The kernels `stream`, `rows` and `dense` in assembly: equal to the oracle, and as small and fast as they were."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.kernels.rows import Bucket, sort_rows
from ganglion.codegen.kernels.rows import pack as pack_rows
from ganglion.codegen.kernels.rows import unpack as unpack_rows
from ganglion.codegen.kernels.stream import DENSE, sort_neurons
from ganglion.codegen.kernels.stream import pack as pack_stream
from ganglion.codegen.kernels.stream import unpack as unpack_stream
from ganglion.codegen.passes import simplify
from ganglion.codegen.reference import activations, infer_codes
from ganglion.codegen.timing import check_instruction_set, load_core
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator.call import Caller
from ganglion.firmware.stack import read_frames
from tests.support import kernel_runs
from tests.support.c_code import STRICT, compile_file
from tests.support.kernel_cases import NETS, corner_codes
from tests.support.policies import random_policy
from tests.support.strategies import codes, policies

KERNELS = ("stream", "rows", "dense")
COUNTS = {
    "stream": {"n95": (232759, 5674), "n98": (81686, 2076), "e98": (75967, 1822), "n99": (22438, 797)},
    "dense": {"n95": (107624, 72432), "n98": (52057, 35364), "e98": (43948, 29784), "n99": (8124, 6472)},
    "rows": {"n95": (17726, 12183), "n98": (5942, 4602), "e98": (5505, 4123), "n99": (1630, 1682)},
}
"""Cycles of the layers on a Cortex-M4 (P = 2, no wait states) and bytes of their code and arrays: exact, so that a
change in either direction is seen. The tanh head is counted in `stream` only, whose layers end in it."""


@pytest.fixture(scope="module", params=KERNELS)
def built(request, tmp_path_factory):
    elf, plans = kernel_runs.build(NETS, request.param, tmp_path_factory.mktemp(request.param))
    return request.param, elf, {plan.name: plan for plan in plans}


@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_in_the_emulator(built, net):
    kernel, elf, plans = built
    sample = corner_codes(NETS[net], 40 if kernel == "stream" else 500)
    with Caller(elf) as caller:
        assert np.array_equal(kernel_runs.infer_codes(caller, plans[net], sample), infer_codes(NETS[net], sample))


@pytest.mark.parametrize("net", NETS)
def test_cycles_are_constant_and_cycles_and_bytes_as_they_were(built, net):
    kernel, elf, _ = built
    with Caller(elf) as caller:
        target = caller.place(bytes(64))
        cycles = {
            caller.call(f"{net}_layers", caller.place(row.astype(np.int8).tobytes()), target).cycles
            for row in corner_codes(NETS[net], 12)
        }
    assert (cycles, _layer_bytes(elf, net)) == ({COUNTS[kernel][net][0]}, COUNTS[kernel][net][1])


def _layer_bytes(elf, name: str) -> int:
    """Bytes of everything but a tanh head of its own and what calls it."""
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


def test_assembly_has_only_instructions_of_the_smallest_core_that_takes_it(tmp_path):
    elf, _ = kernel_runs.build({"n99": NETS["n99"]}, "rows", tmp_path, "cortex-m3")
    program = read_program(elf)
    symbol = program.symbol("n99_layers")
    check_instruction_set(program.read(symbol.address, symbol.bytes), load_core("cortex-m3"), symbol.address)


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

"""The kernel suite: every kernel and every peer on every net, sparsity and core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ganglion.codegen.compile import CompileOptions, compile_policy, fitting_kernels
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import activations, infer_codes

from .nets import Net, erk_net
from .peers import PEERS, missing_peer, peer_function
from .program import Cost, Function, measure_function
from .rows import MAX_STRAIGHT_NONZEROS, Case, KernelRow, LeftOut, Selection

_FLOAT_CORES = ("cortex-m4",)
_FLOAT_TOLERANCE = 1e-3
_KERNEL_OPTIONS = ("-O2", "-fno-unroll-loops")
_CONSTANT_TIME_INPUTS, _DATA_DEPENDENT_INPUTS = 3, 64


class BenchError(RuntimeError):
    """A measurement that cannot be reported: the code computed something else than the oracle."""


def measure_kernels(selection: Selection, processes: int = 1) -> Iterator[KernelRow | LeftOut]:
    """A row, or why there is none, for every case in order, each checked against the oracle; BenchError when one
    computes something else. Nothing is remembered from one run to the next."""
    cases = list(selection.cases())
    measure = partial(measure_case, max_straight_nonzeros=selection.max_straight_nonzeros)
    if processes == 1:
        yield from map(measure, cases)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(measure, cases)


def measure_case(case: Case, max_straight_nonzeros: int = MAX_STRAIGHT_NONZEROS) -> KernelRow | LeftOut:
    """The row of `case`, or why there is none."""
    policy, nonzeros = _net(case.net, case.sparsity)
    names = (str(case.net), case.sparsity, case.kernel, case.core, case.flash_model)
    reason = _obstacle(case, nonzeros, max_straight_nonzeros)
    if reason:
        return LeftOut(*names, reason)
    codes = _observations(policy, case.kernel)
    begin = time.process_time()
    function = _function(policy, case)
    compile_s = time.process_time() - begin
    cost = _measure(policy, case, function, codes)
    return KernelRow(
        *names,
        weight_bits=32 if _floats(case.kernel) else case.net.weight_bits,
        inputs=len(codes),
        instructions=cost.instructions,
        cycles=cost.cycles,
        mean_cycles=round(cost.mean_cycles, 1),
        cycles_per_nonzero=round(cost.cycles / nonzeros, 3),
        nnz_effective=nonzeros,
        policy_flash_bytes=cost.flash_bytes,
        ram_bytes=cost.ram_bytes,
        compile_s=round(compile_s, 2),
    )


@lru_cache(maxsize=2)
def _net(net: Net, sparsity: float) -> tuple[Policy, int]:
    policy = erk_net(net.shape, sparsity, block=net.block, weight_bits=net.weight_bits)
    return policy, simplify(policy).nonzeros


def _floats(kernel: str) -> bool:
    return kernel in PEERS and PEERS[kernel].floats


def _obstacle(case: Case, nonzeros: int, max_straight_nonzeros: int) -> str | None:
    """Why the case cannot be measured: floats need an FPU, assembly its instructions, a peer its package, and
    straight-line code a net that is not too large for it."""
    if case.kernel in PEERS:
        if _floats(case.kernel) and case.core not in _FLOAT_CORES:
            return f"{case.core} has no FPU"
        return missing_peer(PEERS[case.kernel])
    kernel = KERNELS[case.kernel]
    if case.kernel not in fitting_kernels(case.core):
        return f"{case.core} does not have the instructions of {kernel.instruction_set}"
    if kernel.straight_line and nonzeros > max_straight_nonzeros:
        return f"straight-line code for {nonzeros:,} weights; the limit is {max_straight_nonzeros:,}"
    return None


def _function(policy: Policy, case: Case) -> Function:
    if case.kernel in PEERS:
        return peer_function(PEERS[case.kernel], policy)
    plan = compile_policy(policy, CompileOptions("net", case.kernel, core=case.core))
    header = f"#define NET_NO_FLOAT\n{plan.files['net.h']}"
    return Function(header, "net_infer_codes", "net_code_t", "int16_t", policy.actions, "<i2", _KERNEL_OPTIONS)


def _measure(policy: Policy, case: Case, function: Function, codes: np.ndarray) -> Cost:
    floats = _floats(case.kernel)
    unit = 2.0**policy.observation.exponent
    inputs = (codes * unit).astype(np.float32) if floats else codes.astype(f"<i{policy.observation.bits // 8}")
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        cost = measure_function(function, inputs, case.core, Path(folder), case.flash_model)
    if case.kernel not in PEERS:
        _compare(case.kernel, case.core, cost.results, infer_codes(policy, codes))
    elif not floats:
        _compare(case.kernel, case.core, cost.results, activations(policy, codes)[-1])
    elif not np.allclose(cost.results, _float_outputs(policy, inputs), rtol=_FLOAT_TOLERANCE, atol=_FLOAT_TOLERANCE):
        raise BenchError(f"{case.kernel} on {case.core}: the sums are not those of the same net in numpy")
    return cost


def _compare(kernel: str, core: str, found: np.ndarray, expected: np.ndarray) -> None:
    if not np.array_equal(found, expected):
        raise BenchError(f"{kernel} on {core}: gives {found.tolist()}, the oracle {expected.tolist()}")


def _observations(policy: Policy, kernel: str) -> np.ndarray:
    """All lowest, all highest and uniformly random vectors of codes, int64 (inputs, features); more where time depends
    on them."""
    constant = kernel in PEERS or KERNELS[kernel].constant_time
    count = (_CONSTANT_TIME_INPUTS if constant else _DATA_DEPENDENT_INPUTS) - 2
    low, high = policy.observation.code_range
    random = np.random.default_rng(0).integers(low, high + 1, (count, policy.features))
    return np.vstack([np.full(policy.features, low), np.full(policy.features, high), random])


def _float_outputs(policy: Policy, observations: np.ndarray) -> np.ndarray:
    values = observations.astype(np.float64)
    for layer in policy.layers:
        scale = 2.0 ** layer.weight_exponents.astype(float)
        values = values @ (layer.weights * scale[:, None]).T + layer.bias * scale * 2.0**layer.input_exponent
        values = np.maximum(values, 0) if layer.relu else values
    return values

"""The kernel suite: every kernel and every peer on every net, sparsity and core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import activations, infer_codes

from .nets import SHAPES, SPARSITIES, erk_net
from .peers import PEERS, peer_function
from .program import CORES, Cost, Function, measure_function

ALL_KERNELS = (*KERNELS, *PEERS)
_FLOAT_CORES = ("cortex-m4",)
_MAX_STRAIGHT_NONZEROS = 20_000
_FLOAT_TOLERANCE = 1e-3
_KERNEL_OPTIONS = ("-O2", "-fno-unroll-loops")


class BenchError(RuntimeError):
    """A measurement that cannot be reported: the code computed something else than the oracle."""


@dataclass(frozen=True)
class Selection:
    """What to measure; every combination that exists is."""

    shapes: tuple[tuple[int, ...], ...] = SHAPES
    sparsities: tuple[float, ...] = SPARSITIES
    kernels: tuple[str, ...] = ALL_KERNELS
    cores: tuple[str, ...] = tuple(CORES)


@dataclass(frozen=True)
class KernelRow:
    """One measurement. Cycles of peers end at the last layer's outputs, cycles of kernels behind the head.

    `nnz_effective` counts weights of neurons that have an effect; `policy_flash_bytes` is code and constants,
    `ram_bytes` the stack, since nothing is static.
    """

    net: str
    sparsity: float
    weight_bits: int
    kernel: str
    core: str
    instructions: int
    cycles: int
    cycles_per_nonzero: float
    nnz_effective: int
    policy_flash_bytes: int
    ram_bytes: int
    compile_s: float

    @property
    def key(self) -> str:
        """What tells it from all other rows."""
        return f"{self.net} {self.sparsity:g} {self.kernel} {self.core}"

    def as_dict(self) -> dict[str, object]:
        """A flat row of bench.json."""
        return asdict(self)


def measure_kernels(selection: Selection) -> Iterator[KernelRow]:
    """Rows, one after the other, each checked against the oracle; BenchError when one computes something else."""
    for shape, sparsity in product(selection.shapes, selection.sparsities):
        policy = erk_net(shape, sparsity)
        nonzeros = simplify(policy).nonzeros
        for kernel, core in product(selection.kernels, selection.cores):
            if not _exists(kernel, core, nonzeros):
                continue
            cost, compile_s = _measure(policy, kernel, core)
            yield KernelRow(
                net="-".join(map(str, shape)),
                sparsity=sparsity,
                weight_bits=32 if kernel in PEERS and PEERS[kernel].floats else 8,
                kernel=kernel,
                core=core,
                instructions=cost.instructions,
                cycles=cost.cycles,
                cycles_per_nonzero=round(cost.cycles / nonzeros, 3),
                nnz_effective=nonzeros,
                policy_flash_bytes=cost.flash_bytes,
                ram_bytes=cost.stack_bytes,
                compile_s=round(compile_s, 2),
            )


def _exists(kernel: str, core: str, nonzeros: int) -> bool:
    """Floats need an FPU, assembly its instructions, and straight-line code a net that is not too large for it."""
    if kernel in PEERS:
        return core in _FLOAT_CORES or not PEERS[kernel].floats
    if KERNELS[kernel].instruction_set is None:
        return True
    try:
        compile_policy(erk_net((2, 3, 1), 0.0), CompileOptions("net", kernel, core=core))
    except OptionsError:
        return False
    return nonzeros <= _MAX_STRAIGHT_NONZEROS


def _measure(policy: Policy, kernel: str, core: str) -> tuple[Cost, float]:
    codes = _observations(policy)
    begin = time.perf_counter()
    function = peer_function(PEERS[kernel], policy) if kernel in PEERS else _kernel_function(policy, kernel, core)
    compile_s = time.perf_counter() - begin
    floats = kernel in PEERS and PEERS[kernel].floats
    unit = 2.0**policy.observation.exponent
    inputs = (codes * unit).astype(np.float32) if floats else codes.astype(f"<i{policy.observation.bits // 8}")
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        cost = measure_function(function, inputs, core, Path(folder))
    if kernel not in PEERS:
        _compare(kernel, core, cost.results, infer_codes(policy, codes))
    elif not floats:
        _compare(kernel, core, cost.results, activations(policy, codes)[-1])
    elif not np.allclose(cost.results, _float_outputs(policy, inputs), rtol=_FLOAT_TOLERANCE, atol=_FLOAT_TOLERANCE):
        raise BenchError(f"{kernel} on {core}: the sums are not those of the same net in numpy")
    return cost, compile_s


def _compare(kernel: str, core: str, found: np.ndarray, expected: np.ndarray) -> None:
    if not np.array_equal(found, expected):
        raise BenchError(f"{kernel} on {core}: gives {found.tolist()}, the oracle {expected.tolist()}")


def _kernel_function(policy: Policy, kernel: str, core: str) -> Function:
    plan = compile_policy(policy, CompileOptions("net", kernel, core=core))
    header = f"#define NET_NO_FLOAT\n{plan.files['net.h']}"
    return Function(header, "net_infer_codes", "net_code_t", "int16_t", policy.actions, "<i2", _KERNEL_OPTIONS)


def _observations(policy: Policy) -> np.ndarray:
    """All lowest, all highest and one random vector of codes, int64 (3, features)."""
    low, high = policy.observation.code_range
    random = np.random.default_rng(0).integers(low, high + 1, policy.features)
    return np.array([np.full(policy.features, low), np.full(policy.features, high), random])


def _float_outputs(policy: Policy, observations: np.ndarray) -> np.ndarray:
    values = observations.astype(np.float64)
    for layer in policy.layers:
        scale = 2.0 ** layer.weight_exponents.astype(float)
        values = values @ (layer.weights * scale[:, None]).T + layer.bias * scale * 2.0**layer.input_exponent
        values = np.maximum(values, 0) if layer.relu else values
    return values

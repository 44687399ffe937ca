"""What the bare kernels of a policy cost, from observation codes to action codes: each built and called on the modelled
core, as the benchmarks do."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import infer_codes
from ganglion.trainer.limit.pricing import KernelPrice, Price

from .bench.program import CORES, Function, measure_function
from .errors import UsageError

_OPTIONS = ("-O2", "-fno-unroll-loops")


class MismatchError(RuntimeError):
    """A kernel that computes something else than the reference interpreter: a defect of the compiler."""


@dataclass(frozen=True)
class Compiled:
    """Prices policies for `core`; an object, so that it travels to the processes of a search. UsageError when nothing
    can be built for such a core."""

    core: str = "cortex-m4"

    def __post_init__(self) -> None:
        if self.core not in CORES:
            raise UsageError(f"students cannot be priced for {self.core!r}; cores: {', '.join(CORES)}")

    def __call__(self, policy: Policy) -> Price:
        """The price of `policy`."""
        return price_policy(policy, self.core)


def price_policy(policy: Policy, core: str) -> Price:
    """Every kernel that `core` can run, compiled, called, and compared with the reference interpreter.

    Cycles are the model's without wait states, from observation codes to action codes; bytes are code, constants and
    tables. The float maps around them are not counted. MismatchError when a kernel is wrong.
    """
    codes = _observations(policy)
    dtype = f"<i{policy.observation.bits // 8}"
    prices = []
    for kernel in KERNELS:
        function = _function(policy, kernel, core)
        if function is None:
            continue
        with tempfile.TemporaryDirectory(prefix="ganglion-price-") as folder:
            cost = measure_function(function, codes.astype(dtype), core, Path(folder))
        if not np.array_equal(cost.results, infer_codes(policy, codes)):
            raise MismatchError(f"kernel {kernel} on {core} computes something else than the reference")
        prices.append(KernelPrice(kernel, cost.cycles, cost.flash_bytes))
    return Price(simplify(policy).nonzeros, tuple(prices))


def _function(policy: Policy, kernel: str, core: str) -> Function | None:
    """The kernel as a function of its own; None where `core` lacks its instructions."""
    try:
        plan = compile_policy(policy, CompileOptions("net", kernel, core=core))
    except OptionsError:
        return None
    header = f"#define NET_NO_FLOAT\n{plan.files['net.h']}"
    return Function(header, "net_infer_codes", "net_code_t", "int16_t", policy.actions, "<i2", _OPTIONS)


def _observations(policy: Policy) -> np.ndarray:
    """All lowest, all highest and one random vector of codes, int64 (3, features)."""
    low, high = policy.observation.code_range
    random = np.random.default_rng(0).integers(low, high + 1, policy.features)
    return np.array([np.full(policy.features, low), np.full(policy.features, high), random])

"""The price of a policy with one kernel, measured: the very object code that goes into firmware, run on the emulated
core by the cycle model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import infer_codes
from ganglion.hil.observations import corner_observations

from ..places import c_identifier
from .cache import remembered
from .program import linked_program
from .target import Target, target_of

OBSERVATIONS = 48
COUNTERS = {"dwt": "dwt", "systick": "systick", "nrf_timer": "dwt"}
"""The driver that prices a board's cycle counter, firmware/drivers/cycles_<driver>.c: the emulated core has no
nrf_timer, whose reading is as short as that of dwt."""

Span = Literal["whole", "codes_only"]
"""What of an inference is priced: from float observation to action codes, as firmware counts it, or from observation
codes to action codes, without the float maps, the counter and the self-test's answers."""

_TIMED_FUNCTION, _TIMED = "timed", Path(__file__).with_name("timed.c")
_CODES_NAME, _CODES_FUNCTION, _CODES_ONLY = "policy", "codes_only", Path(__file__).with_name("codes_only.c")


class MismatchError(RuntimeError):
    """A kernel that computes something else than the reference interpreter: a defect of the compiler."""


@dataclass(frozen=True)
class Price:
    """What one inference costs with `kernel`; of the span "codes_only" less than what follows, see Span.

    `cycles`: the most, from float observation to action codes, over OBSERVATIONS observations, as firmware counts them;
    `flash_bytes`: weights, indices, biases, tables and code, as the report counts the policy; `ram_bytes`: the deepest
    stack of an inference.
    The runtime's share of flash and RAM is not in it.
    """

    kernel: str
    cycles: int
    flash_bytes: int
    ram_bytes: int


def price(policy: Policy, core: str = "cortex-m4", kernel: str = CompileOptions.kernel) -> Price:
    """Price `policy` on the first board with `core`, in one to three seconds, or at once where it was priced before.

    OptionsError when the core does not have the kernel's instructions, StraightError and PolicyError when the policy
    does not fit the kernel.
    """
    return price_kernel(policy, target_of(core), kernel)


def price_kernel(policy: Policy, target: Target, kernel: str, span: Span = "whole") -> Price:
    """Price `policy` with `kernel` for `target`; the price is remembered by all that it depends on. MismatchError when
    the kernel alone ("codes_only") computes something else than the reference."""

    def measure() -> dict[str, int | str]:
        name = c_identifier(policy.env_id) if span == "whole" else _CODES_NAME
        plan = compile_policy(policy, CompileOptions(name, kernel, core=target.board.core))
        return vars(price_plan(plan, target) if span == "whole" else _price_codes(plan, policy, target))

    return Price(**remembered(("kernel", span, digest(policy), kernel, *target.key), measure))


def price_plan(plan: Plan, target: Target) -> Price:
    """Compile `plan` as firmware does, run it on the emulated core, and count."""
    function = f"{plan.name}_policy_infer"
    observations = corner_observations(plan.policy, OBSERVATIONS)
    files = {**plan.files, _TIMED.name: _TIMED.read_text()}
    firmware = ("runtime/timed_infer.c", f"drivers/cycles_{COUNTERS[target.board.cycle_counter]}.c")
    with linked_program(files, _TIMED_FUNCTION, target, firmware) as program:
        return Price(
            kernel=plan.kernel,
            cycles=program.most_counted(_TIMED_FUNCTION, observations, 2 * plan.policy.actions),
            flash_bytes=program.flash_bytes,
            ram_bytes=program.stack_bytes(function)[function],
        )


def _price_codes(plan: Plan, policy: Policy, target: Target) -> Price:
    """The same for the integers alone; every output is compared."""
    codes, output_bytes = _some_codes(policy), 2 * policy.actions
    files = {f"{plan.name}.h": plan.files[f"{plan.name}.h"], "policy.c": _CODES_ONLY.read_text()}
    with linked_program(files, _CODES_FUNCTION, target) as program:
        calls = list(program.calls(_CODES_FUNCTION, codes.astype(f"<i{policy.observation.bits // 8}"), output_bytes))
        found = np.array([np.frombuffer(output, "<i2") for _, output in calls])
        if not np.array_equal(found, infer_codes(policy, codes)):
            raise MismatchError(
                f"kernel {plan.kernel} on {target.board.core} computes something else than the reference; "
                "this is a defect of the compiler: report it with the actor"
            )
        return Price(
            kernel=plan.kernel,
            cycles=max(call.cycles for call, _ in calls),
            flash_bytes=program.bytes_beside(_CODES_FUNCTION),
            ram_bytes=program.stack_bytes(_CODES_FUNCTION)[_CODES_FUNCTION],
        )


def _some_codes(policy: Policy) -> np.ndarray:
    """All lowest, all highest and one random vector of codes, int64 (3, features)."""
    low, high = policy.observation.code_range
    random = np.random.default_rng(0).integers(low, high + 1, policy.features)
    return np.array([np.full(policy.features, low), np.full(policy.features, high), random])

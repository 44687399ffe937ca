"""The price of a policy with one kernel, measured: the very object code that goes into firmware, run on the emulated
core by the cycle model."""

from __future__ import annotations

from dataclasses import dataclass

from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from ganglion.hil.observations import corner_observations

from .cache import remembered
from .program import linked_program
from .target import Target, target_of

OBSERVATIONS = 48
COUNTER_CYCLES = {"dwt": 21, "systick": 38, "nrf_timer": 21}
"""What firmware adds to each count by reading a board's cycle counter before and after an inference: counted in the
emulator on a Cortex-M4, M7 and M33 (dwt) and on a Cortex-M0+ (systick); nrf_timer, which it lacks, is taken as dwt."""

_NAME, _RECORD = "policy", "ganglion_policy"


@dataclass(frozen=True)
class Price:
    """What one inference costs with `kernel`.

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


def price_kernel(policy: Policy, target: Target, kernel: str) -> Price:
    """Price `policy` with `kernel` for `target`; the price is remembered by all that it depends on."""

    def measure() -> dict[str, int | str]:
        options = CompileOptions(_NAME, kernel, core=target.board.core)
        return vars(price_plan(compile_policy(policy, options), target))

    return Price(**remembered(("kernel", digest(policy), kernel, *target.key), measure))


def price_plan(plan: Plan, target: Target) -> Price:
    """Compile `plan` as firmware does, run it on the emulated core, and count."""
    function = f"{plan.name}_policy_infer"
    observations = corner_observations(plan.policy, OBSERVATIONS)
    counter_cycles = COUNTER_CYCLES[target.board.cycle_counter]
    with linked_program(plan.files, _RECORD, target) as program:
        return Price(
            kernel=plan.kernel,
            cycles=program.most_cycles(function, observations, 2 * plan.policy.actions) + counter_cycles,
            flash_bytes=program.flash_bytes,
            ram_bytes=program.stack_bytes(function)[function],
        )

"""Every kernel that a core can run, priced."""

from __future__ import annotations

from collections.abc import Callable

from ganglion.codegen.compile import fitting_kernels
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.codegen.straight import StraightError
from ganglion.firmware.toolchain import ToolchainError

from .choice import Refusal
from .prices import Price, Target, price_kernel

MAX_STRAIGHT_NONZEROS = 20_000
_OVERFLOW = "overflowed by"


def price_candidates(
    policy: Policy, target: Target, hear: Callable[[str], None] = lambda _: None
) -> tuple[list[Price], list[Refusal]]:
    """Prices of all kernels for the target's core whose time does not depend on the observation, and those that are
    out of the question. `hear` is told each kernel before it is priced."""
    prices, refused = [], []
    nonzeros = simplify(policy).nonzeros
    for kernel in fitting_kernels(target.board.core):
        if not KERNELS[kernel].constant_time:
            refused.append(Refusal(kernel, "its time depends on the observation; --kernel asks for it"))
            continue
        if KERNELS[kernel].straight_line and nonzeros > MAX_STRAIGHT_NONZEROS:
            reason = f"{nonzeros:,} nonzero weights; straight-line code is for {MAX_STRAIGHT_NONZEROS:,} at most"
            refused.append(Refusal(kernel, reason))
            continue
        hear(kernel)
        try:
            prices.append(price_kernel(policy, target, kernel))
        except StraightError as error:
            refused.append(Refusal(kernel, str(error)))
        except ToolchainError as error:
            if _OVERFLOW not in str(error):
                raise
            refused.append(Refusal(kernel, f"does not fit the flash of {target.board.name}"))
    return prices, refused

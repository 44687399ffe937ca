"""What there is to choose from: every kernel that a core can run, and mixes of them, priced."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ganglion.codegen.compile import fitting_kernels
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.kernels.straight import StraightError
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.firmware.toolchain import ToolchainError

from .choice import Goal, Limits, Refusal, rank
from .mixes import predict_mixes
from .prices import Price, Span, price_kernel
from .target import Target

MAX_STRAIGHT_NONZEROS = 20_000
MEASURED_MIXES = 3
_OVERFLOW = "overflowed by"


def price_kernels(
    policy: Policy, target: Target, hear: Callable[[str], None] = lambda _: None, span: Span = "whole"
) -> tuple[list[Price], list[Refusal]]:
    """Prices of all kernels for the target's core whose time does not depend on the observation, and those that are
    out of the question. `hear` is told each kernel before it is priced."""
    prices, refused = [], []
    nonzeros = simplify(policy).nonzeros
    for kernel in fitting_kernels(target.board.core):
        reason = _against(kernel, target.board.core, nonzeros)
        if reason is None:
            hear(kernel)
            try:
                prices.append(price_kernel(policy, target, kernel, span))
                continue
            except StraightError as error:
                reason = str(error)
            except ToolchainError as error:
                reason = _compiler_reason(error, target)
        refused.append(Refusal(kernel, reason))
    return prices, refused


def price_mixes(policy: Policy, target: Target, single: Sequence[Price], goal: Goal, limits: Limits) -> list[Price]:
    """The best mixes of the kernels in `single` by `goal` within `limits`, measured: those that are predicted to beat
    every single kernel, at most MEASURED_MIXES of them."""
    if not single:
        return []
    best = min(rank(price, goal, limits) for price in single)
    predicted = predict_mixes(policy, target, [price.kernel for price in single])
    better = [price for price in predicted if rank(price, goal, limits) < best]
    better.sort(key=lambda price: rank(price, goal, limits))
    return [price_kernel(policy, target, price.kernel) for price in better[:MEASURED_MIXES]]


def _compiler_reason(error: ToolchainError, target: Target) -> str:
    if _OVERFLOW in str(error):
        return f"does not fit the flash of {target.board.name}"
    said = re.search(r"error: (.*)", str(error))
    return f"the compiler refuses it: {said[1] if said else error}"


def _against(kernel: str, core: str, nonzeros: int) -> str | None:
    """Why `kernel` is not even priced; None where it is."""
    known = KERNELS[kernel]
    if not known.constant_time:
        return "its time depends on the observation; --kernel asks for it"
    if known.superseded_by in fitting_kernels(core):
        return f"for cores that do not have what {known.superseded_by} needs"
    if known.straight_line and nonzeros > MAX_STRAIGHT_NONZEROS:
        return f"{nonzeros:,} nonzero weights; straight-line code is for {MAX_STRAIGHT_NONZEROS:,} at most"
    return None

"""What the bare kernels of a student cost, from observation codes to action codes: prices as a choice is made from
(ganglion/pricing), of the span "codes_only"."""

from __future__ import annotations

from dataclasses import dataclass

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.trainer.limit.pricing import KernelPrice, Price

from .pricing import price_kernels, target_of


@dataclass(frozen=True)
class Compiled:
    """Prices policies for `core`; an object, so that it travels to the processes of a search. UsageError when nothing
    can be built for such a core."""

    core: str = "cortex-m4"

    def __post_init__(self) -> None:
        target_of(self.core)

    def __call__(self, policy: Policy) -> Price:
        """The price of `policy`."""
        return price_policy(policy, self.core)


def price_policy(policy: Policy, core: str) -> Price:
    """Every kernel that a choice for `core` is made from, without wait states. The float maps around them are not
    counted. MismatchError when a kernel is wrong."""
    prices, _ = price_kernels(policy, target_of(core), span="codes_only")
    kernels = (KernelPrice(price.kernel, price.cycles, price.flash_bytes) for price in prices)
    return Price(simplify(policy).nonzeros, tuple(kernels))

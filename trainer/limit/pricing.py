"""What a student costs. Who prices it is the caller's choice: the command asks the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ganglion.codegen.policy import Policy

Unit = Literal["bytes", "cycles", "nonzeros"]


@dataclass(frozen=True)
class KernelPrice:
    """One way to compute a policy: `cycles` of the model from observation codes to action codes, `bytes` of code,
    constants and tables."""

    kernel: str
    cycles: int
    bytes: int


@dataclass(frozen=True)
class Price:
    """Weights that are not zero after the compiler's simplifications, and what each kernel takes."""

    nonzeros: int
    kernels: tuple[KernelPrice, ...]

    @property
    def fastest(self) -> KernelPrice:
        """The kernel with the fewest cycles, among those the smallest."""
        return min(self.kernels, key=lambda kernel: (kernel.cycles, kernel.bytes))

    @property
    def smallest(self) -> KernelPrice:
        """The kernel with the fewest bytes, among those the fastest."""
        return min(self.kernels, key=lambda kernel: (kernel.bytes, kernel.cycles))

    def within(self, max_cycles: float, max_bytes: float) -> KernelPrice | None:
        """The fastest kernel that meets both bounds at once; None where there is none."""
        fitting = [kernel for kernel in self.kernels if kernel.cycles <= max_cycles and kernel.bytes <= max_bytes]
        return min(fitting, key=lambda kernel: (kernel.cycles, kernel.bytes), default=None)

    def of(self, unit: Unit) -> int:
        """The lowest price in `unit`."""
        if unit == "nonzeros":
            return self.nonzeros
        return self.fastest.cycles if unit == "cycles" else self.smallest.bytes


Pricing = Callable[[Policy], Price]

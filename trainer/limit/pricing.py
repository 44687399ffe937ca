"""What a student costs. Who prices it is the caller's choice: the command asks the compiler, or hls's estimates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ganglion.codegen.policy import Policy

Unit = Literal["bytes", "cycles", "luts", "ns", "nonzeros"]


@dataclass(frozen=True)
class KernelPrice:
    """One way to compute a policy: `cycles` of the model from observation codes to action codes, `bytes` of code,
    constants and tables."""

    kernel: str
    cycles: int
    bytes: int

    @property
    def name(self) -> str:
        """The kernel's."""
        return self.kernel

    @property
    def time(self) -> int:
        """Cycles."""
        return self.cycles

    @property
    def space(self) -> int:
        """Bytes."""
        return self.bytes

    @property
    def exists(self) -> bool:
        """Any core has room for it."""
        return True

    def __str__(self) -> str:
        return f"{self.kernel} {self.cycles:,} cycles, {self.bytes:,} bytes"


@dataclass(frozen=True)
class DesignPrice:
    """One way to compute a policy in logic: `ns` from the last observation code to the last action code at the part's
    clock, look-up tables, and whether the part has room for it."""

    design: str
    ns: int
    luts: int
    fits: bool

    @property
    def name(self) -> str:
        """The design's."""
        return self.design

    @property
    def time(self) -> int:
        """Nanoseconds."""
        return self.ns

    @property
    def space(self) -> int:
        """Look-up tables."""
        return self.luts

    @property
    def exists(self) -> bool:
        """Whether it can be built."""
        return self.fits

    def __str__(self) -> str:
        return f"{self.design} {self.ns:,} ns, {self.luts:,} LUTs" + ("" if self.fits else " (too large)")


Way = KernelPrice | DesignPrice


@dataclass(frozen=True)
class Price:
    """Weights that are not zero after the compiler's simplifications, and what each kernel takes, or each design of
    logic."""

    nonzeros: int
    kernels: tuple[KernelPrice, ...] = ()
    designs: tuple[DesignPrice, ...] = ()

    @property
    def ways(self) -> tuple[Way, ...]:
        """All ways to compute the policy."""
        return self.kernels or self.designs

    @property
    def fastest(self) -> Way:
        """The way that takes the least time, among those the smallest."""
        return min(self.ways, key=lambda way: (way.time, way.space))

    @property
    def smallest(self) -> Way:
        """The way that takes the least space, among those the fastest."""
        return min(self.ways, key=lambda way: (way.space, way.time))

    @property
    def exists(self) -> bool:
        """Whether there is room for any way."""
        return any(way.exists for way in self.ways)

    def within(self, max_time: float = math.inf, max_space: float = math.inf) -> Way | None:
        """The fastest way that meets both bounds at once; None where there is none."""
        fitting = [way for way in self.ways if way.exists and way.time <= max_time and way.space <= max_space]
        return min(fitting, key=lambda way: (way.time, way.space), default=None)

    def of(self, unit: Unit) -> int:
        """The lowest price in `unit`."""
        if unit == "nonzeros":
            return self.nonzeros
        return self.fastest.time if unit in ("cycles", "ns") else self.smallest.space


Pricing = Callable[[Policy], Price]

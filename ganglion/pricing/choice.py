"""The choice of a kernel: the best price by a goal among those that keep every limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import UsageError
from .prices import Price

Goal = Literal["cycles", "flash", "balanced"]
GOALS: tuple[Goal, ...] = get_args(Goal)

_KEYS: dict[Goal, Callable[[Price], tuple]] = {
    "cycles": lambda price: (price.cycles, price.flash_bytes, price.ram_bytes),
    "flash": lambda price: (price.flash_bytes, price.cycles, price.ram_bytes),
    "balanced": lambda price: (price.cycles * price.flash_bytes, price.cycles, price.ram_bytes),
}
_REASONS: dict[Goal, str] = {
    "cycles": "the fewest cycles",
    "flash": "the fewest bytes of flash",
    "balanced": "the smallest product of cycles and bytes of flash",
}


class BudgetError(UsageError):
    """Limits that no candidate keeps; names the nearest one and by how much it misses."""


@dataclass(frozen=True)
class Limits:
    """The most that an inference may cost; None where there is no limit."""

    max_cycles: int | None = None
    max_flash_bytes: int | None = None
    max_ram_bytes: int | None = None

    def __post_init__(self) -> None:
        for option, limit, _, unit in self.each(Price("", 0, 0, 0)):
            if limit < 1:
                raise UsageError(f"{option} {limit}: at least 1 {unit} is needed")

    def __bool__(self) -> bool:
        return bool(self.each(Price("", 0, 0, 0)))

    def each(self, price: Price) -> list[tuple[str, int, int, str]]:
        """(option, limit, what `price` has of it, unit) of every limit that is given."""
        rows = (
            ("--max-cycles", self.max_cycles, price.cycles, "cycles"),
            ("--max-flash", self.max_flash_bytes, price.flash_bytes, "bytes of flash"),
            ("--max-ram", self.max_ram_bytes, price.ram_bytes, "bytes of RAM"),
        )
        return [(option, limit, has, unit) for option, limit, has, unit in rows if limit is not None]

    def misses(self, price: Price) -> list[str]:
        """How far `price` is above each limit that it breaks, such as "512 bytes of flash over --max-flash 6000"."""
        return [
            f"{has - limit:,} {unit} over {option} {limit:,}"
            for option, limit, has, unit in self.each(price)
            if has > limit
        ]

    def broken(self, price: Price) -> list[str]:
        """The options of the limits that `price` breaks."""
        return [option for option, limit, has, _ in self.each(price) if has > limit]

    def excess(self, price: Price) -> float:
        """The largest share by which `price` is above a limit; 0 where it keeps all."""
        return max((max(0.0, has / limit - 1) for _, limit, has, _ in self.each(price)), default=0.0)


@dataclass(frozen=True)
class Refusal:
    """A kernel that cannot do this policy, and why."""

    kernel: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """What was chosen, from what, and why."""

    price: Price
    candidates: tuple[Price, ...]
    refused: tuple[Refusal, ...]
    limits: Limits
    reason: str

    def as_dict(self) -> dict[str, object]:
        """The table for plan.json and report.json."""
        return {"reason": self.reason, "candidates": [vars(price).copy() for price in self.candidates]}


def choose(candidates: Sequence[Price], goal: Goal, limits: Limits, refused: Sequence[Refusal] = ()) -> Choice:
    """The best of `candidates` by `goal` that keeps `limits`; BudgetError when none does."""
    if not candidates:
        raise BudgetError("no kernel can do this policy: " + "; ".join(f"{r.kernel}: {r.reason}" for r in refused))
    best = min(candidates, key=lambda price: rank(price, goal, limits))
    if limits.misses(best):
        raise BudgetError(
            f"nothing keeps {_given(limits)}; the nearest is {describe(best)}: {', '.join(limits.misses(best))}. "
            "Raise the limit, or use a sparser or narrower policy"
        )
    within = f" within {_given(limits)}" if limits.each(best) else ""
    return Choice(best, tuple(candidates), tuple(refused), limits, f"{_REASONS[goal]}{within}")


def rank(price: Price, goal: Goal, limits: Limits) -> tuple[float, ...]:
    """What candidates are sorted by: those that keep `limits` first, the best by `goal` before others."""
    return limits.excess(price), *_KEYS[goal](price)


def keep(price: Price, limits: Limits) -> Choice:
    """The choice of a kernel that was asked for; BudgetError when it breaks a limit."""
    if limits.misses(price):
        raise BudgetError(
            f"{describe(price)} was asked for and costs {', '.join(limits.misses(price))}. "
            "Raise the limit, or leave out --kernel to have one chosen"
        )
    return Choice(price, (price,), (), limits, f"asked for; keeps {_given(limits)}")


def describe(price: Price) -> str:
    """A price in words."""
    return f"{price.kernel} ({price.cycles:,} cycles, {price.flash_bytes:,} bytes of flash, {price.ram_bytes:,} of RAM)"


def _given(limits: Limits) -> str:
    return " and ".join(f"{option} {limit:,}" for option, limit, _, _ in limits.each(Price("", 0, 0, 0)))

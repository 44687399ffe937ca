"""What a search tries and what comes out of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

from ..distil.settings import DistilError, Settings
from ..reinforce import ReinforceSettings
from ..reinforce import check_settings as check_polish
from .pricing import DesignPrice, KernelPrice, Price, Unit, Way

NAMES: dict[Unit, str] = {"cycles": "cycles", "bytes": "bytes", "ns": "ns", "luts": "LUTs", "nonzeros": "weights"}


@dataclass(frozen=True)
class Goal:
    """Keep at least `keep` of the teacher's return at the lowest price in `unit`; or, where there is a budget, the best
    return of a kernel that takes at most `max_cycles` and `max_bytes`. Prices are for `core`; or, where a `part` is
    named, for its logic: then the bounds are `max_luts` and `max_ns`.

    A rung of the ladder has half the weights of the one above, the first one the share `start` of all; `resolution` is
    the ratio of weights at which the search stops. `hopeless` is how far a short run may miss `keep` and still be worth
    long ones, where they are not polished. No student is begun after `minutes` of work. With `polish`, a long run that
    does not reach the goal by imitation is trained on by reinforcement learning; under a budget every long run is.
    """

    keep: float = 0.95
    max_cycles: int | None = None
    max_bytes: int | None = None
    unit: Unit = "bytes"
    core: str = "cortex-m4"
    part: str | None = None
    max_luts: int | None = None
    max_ns: int | None = None
    minutes: float = 30.0
    start: float = 0.04
    resolution: float = 1.25
    hopeless: float = 0.3
    seeds: int = 2
    short_updates: int = 8_000
    long_updates: int = 32_000
    clip_head: bool = True
    weight_bits: tuple[int, ...] = (6, 5, 4, 3)
    widths: tuple[float, ...] = (0.75, 0.5)
    polish: ReinforceSettings | None = None

    @property
    def has_budget(self) -> bool:
        """Whether price is given and return sought, instead of the other way round."""
        return bool(self.bounds)

    @property
    def units(self) -> tuple[Unit, Unit]:
        """What time and space are counted in."""
        return ("ns", "luts") if self.part else ("cycles", "bytes")

    @property
    def bounds(self) -> dict[Unit, int]:
        """The budget by unit."""
        bounds = {"cycles": self.max_cycles, "bytes": self.max_bytes, "ns": self.max_ns, "luts": self.max_luts}
        return {unit: bound for unit, bound in bounds.items() if bound is not None}

    def affordable(self, price: Price) -> Way | None:
        """The fastest way to compute within the budget, if there is one, and the part; None where there is none."""
        time, space = self.units
        return price.within(self.bounds.get(time, math.inf), self.bounds.get(space, math.inf))

    def polishing(self, point: Point) -> ReinforceSettings | None:
        """How `point` is polished where it needs it; None where it is not."""
        return self.polish if point.updates == self.long_updates else None

    @property
    def enough(self) -> float:
        """The share of the return from which on a student needs no polishing."""
        return math.inf if self.has_budget else self.keep

    @property
    def budget(self) -> str:
        """The budget in words."""
        return " and ".join(f"{bound:,} {NAMES[unit]}" for unit, bound in self.bounds.items())


@dataclass(frozen=True)
class Point:
    """One student to distil: weights that stay, bits of a weight, most neurons of a hidden layer, whether its head is
    clipped in place of the teacher's, updates, seed."""

    nonzeros: int
    weight_bits: int
    width: int | None
    updates: int
    seed: int
    clip_head: bool = False

    @property
    def name(self) -> str:
        """A name for its folder, such as n1428-b8-w256-u8000-s0."""
        width = "" if self.width is None else f"-w{self.width}"
        head = "-clip" if self.clip_head else ""
        return f"n{self.nonzeros}-b{self.weight_bits}{width}{head}-u{self.updates}-s{self.seed}"

    def settings(self, base: Settings, weights: int) -> Settings:
        """The distillation of a network of `weights` weights; short runs see fewer observations, too."""
        return replace(
            base,
            sparsity=1 - self.nonzeros / weights,
            seed=self.seed,
            bits=replace(base.bits, weights=self.weight_bits),
            width=self.width,
            head="clip" if self.clip_head else base.head,
            updates=self.updates,
            round_steps=max(1, round(base.round_steps * min(1.0, self.updates / base.updates))),
        )


@dataclass(frozen=True)
class Result:
    """What a point gave: share of the teacher's return with its 95 % interval and worst episode, on the seeds that
    the search chooses by; live neurons, price, processor minutes, and whether reinforcement learning polished it."""

    point: Point
    share: float
    low: float
    high: float
    worst: float
    shape: tuple[int, ...]
    price: Price
    minutes: float
    polished: bool = False

    @property
    def nonzeros(self) -> int:
        """Weights that are not zero, as the compiler sees them."""
        return self.price.nonzeros

    @property
    def as_dict(self) -> dict:
        """Plain values."""
        return asdict(self)

    @classmethod
    def parse(cls, values: dict) -> Result:
        """The inverse of `as_dict`, through JSON too."""
        kernels = tuple(KernelPrice(**kernel) for kernel in values["price"]["kernels"])
        designs = tuple(DesignPrice(**design) for design in values["price"].get("designs", ()))
        price = Price(values["price"]["nonzeros"], kernels, designs)
        return cls(**values | {"point": Point(**values["point"]), "shape": tuple(values["shape"]), "price": price})


def check_goal(goal: Goal) -> None:
    """Raise DistilError, or ReinforceError for the polishing, for the first value that is not allowed."""
    if not 0.0 < goal.keep <= 1.5:
        raise DistilError(f"the share to keep is {goal.keep}; allowed: above 0, up to 1.5 of the teacher's return")
    for unit, bound in goal.bounds.items():
        if bound <= 0:
            raise DistilError(f"the budget is {bound} {NAMES[unit]}; more than 0 is needed")
    for unit in (*goal.bounds, goal.unit):
        if unit not in (*goal.units, "nonzeros"):
            where = f"the part {goal.part}" if goal.part else f"the core {goal.core}"
            raise DistilError(
                f"{NAMES[unit]} are asked for, but prices are those of {where}: allowed are {NAMES[goal.units[0]]} and "
                f"{NAMES[goal.units[1]]}; name a part for LUTs and ns, none for cycles and bytes"
            )
    if not all(2 <= bits <= 8 for bits in goal.weight_bits):
        raise DistilError(f"the bits to try are {goal.weight_bits}; allowed: 2 to 8 each")
    if not all(0.0 < width <= 1.0 for width in goal.widths):
        raise DistilError(f"the widths to try are {goal.widths}; allowed: above 0, up to 1, of the neurons alive")
    if not 0.0 < goal.start <= 1.0:
        raise DistilError(f"the search starts at a density of {goal.start}; allowed: above 0, up to 1")
    if goal.resolution <= 1.0:
        raise DistilError(f"the resolution is {goal.resolution}; a ratio above 1 is needed")
    if goal.seeds < 1:
        raise DistilError(f"{goal.seeds} seeds per point; at least 1 is needed")
    if goal.minutes <= 0:
        raise DistilError(f"the search may take {goal.minutes} minutes; more than 0 are needed")
    if goal.polish:
        check_polish(goal.polish)

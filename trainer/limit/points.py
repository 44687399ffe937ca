"""What a search tries and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..calibration import BitWidths
from ..distil.settings import DistilError, Settings


@dataclass(frozen=True)
class Goal:
    """Keep at least `keep` of the teacher's return; or, with `budget`, the best return at no higher price.

    The price is in the unit of the search's pricing. A rung of the ladder has half the weights of the one above, the
    first one the share `start` of all; `resolution` is the ratio of weights at which the search stops. `hopeless` is
    how far a short run may miss `keep` and still be worth long ones.
    """

    keep: float = 0.95
    budget: float | None = None
    start: float = 0.04
    resolution: float = 1.25
    hopeless: float = 0.3
    seeds: int = 2
    short_updates: int = 8_000
    long_updates: int = 32_000
    weight_bits: tuple[int, ...] = (6, 5, 4)
    widths: tuple[float, ...] = (0.75, 0.5)


@dataclass(frozen=True)
class Point:
    """One student to distil: weights that stay, bits of a weight, most neurons of a hidden layer, updates, seed."""

    nonzeros: int
    weight_bits: int
    width: int | None
    updates: int
    seed: int

    @property
    def name(self) -> str:
        """A name for its folder, such as n1428-b8-w256-u8000-s0."""
        width = "" if self.width is None else f"-w{self.width}"
        return f"n{self.nonzeros}-b{self.weight_bits}{width}-u{self.updates}-s{self.seed}"

    def settings(self, base: Settings, weights: int) -> Settings:
        """The distillation of a network of `weights` weights; short runs see fewer observations, too."""
        bits = BitWidths(self.weight_bits, base.bits.activations, base.bits.observations, base.bits.per_row)
        return replace(
            base,
            sparsity=1 - self.nonzeros / weights,
            seed=self.seed,
            bits=bits,
            width=self.width,
            updates=self.updates,
            round_steps=max(1, round(base.round_steps * min(1.0, self.updates / base.updates))),
        )


@dataclass(frozen=True)
class Result:
    """What a point gave: share of the teacher's return with its 95 % interval and worst episode, on the seeds that
    the search chooses by; weights that are not zero, live neurons, prices by unit, processor minutes."""

    point: Point
    share: float
    low: float
    high: float
    worst: float
    nonzeros: int
    shape: tuple[int, ...]
    prices: dict[str, float]
    minutes: float


def check_goal(goal: Goal) -> None:
    """Raise DistilError for the first value that is not allowed."""
    if not 0.0 < goal.keep <= 1.5:
        raise DistilError(f"the share to keep is {goal.keep}; allowed: above 0, up to 1.5 of the teacher's return")
    if goal.budget is not None and goal.budget <= 0:
        raise DistilError(f"the budget is {goal.budget}; more than 0 is needed")
    if not 0.0 < goal.start <= 1.0:
        raise DistilError(f"the search starts at a density of {goal.start}; allowed: above 0, up to 1")
    if goal.resolution <= 1.0:
        raise DistilError(f"the resolution is {goal.resolution}; a ratio above 1 is needed")
    if goal.seeds < 1:
        raise DistilError(f"{goal.seeds} seeds per point; at least 1 is needed")

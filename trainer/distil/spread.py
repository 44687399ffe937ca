"""How much of a result is the seed's: several students of the same settings, told as means and spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ganglion.codegen.actor import Actor


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation over seeds, lowest and highest of a figure."""

    mean: float
    deviation: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least two values."""
    return Spread(fmean(values), stdev(values), min(values), max(values))


def best_of(actors: Sequence[Actor]) -> int:
    """The place of the actor that keeps most of its teacher's return."""
    return max(range(len(actors)), key=lambda index: actors[index].about["share"]["share"])

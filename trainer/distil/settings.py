"""Every hyperparameter of a distillation, with the values that the published figures were made with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from ..compression.calibration import BitWidths
from ..compression.patterns import Pattern
from ..compression.pruning import Allocation
from ..teacher import SquashKind

Saliency = Literal["second-order", "activation", "magnitude"]
Rounding = Literal["auto", "straight-through", "freeze"]
_MOST_ROUND_STEPS = 100_000  # 10 million observations are remembered then
COARSE_BITS = 3  # from here down weights are frozen in steps unless it is said otherwise


class DistilError(ValueError):
    """A distillation that cannot be run; the message says what was found and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How a teacher is distilled. Shares and times without a unit are fractions of the `updates`.

    The student is pruned to `first_sparsity` at `prune_start`, then along a cubic (Zhu & Gupta 2017, arXiv 1710.01878)
    to `sparsity` at `prune_end`; it computes in integers from `quantise_start`. `width` bounds each hidden layer. The
    `head` clip needs neither table nor interpolation, and saturates where tanh bends.

    With `rounding` straight-through all weights are rounded from `quantise_start` on, and gradients pass. With freeze
    the share `freeze_shares` of them is, for good, largest first, in equal steps up to `freeze_end`; auto does that for
    powers of two and few bits.
    """

    sparsity: float = 0.98
    seed: int = 0
    bits: BitWidths = BitWidths()
    width: int | None = None
    head: SquashKind | Literal["teacher"] = "teacher"
    saliency: Saliency = "second-order"
    allocation: Allocation = "global"
    pattern: Pattern = "unstructured"
    rounding: Rounding = "auto"

    updates: int = 16_000
    batch_size: int = 512
    learning_rate: float = 5e-3
    warmup_updates: int = 100
    mean_loss: float = 0.03
    mean_limit: float = 4.0
    clip_limit: float = 1.5
    curvature_share: float = 0.8
    curvature_limit: float = 5.0
    curvature_step: float = 0.3

    first_sparsity: float = 0.6
    prune_start: float = 0.02
    prune_end: float = 0.55
    prune_events: int = 106
    quantise_start: float = 0.65
    recalibrate: float = 0.825
    freeze_shares: tuple[float, ...] = (0.4, 0.55, 0.68, 0.78, 0.86, 0.92, 0.97, 1.0)
    freeze_end: float = 0.94

    environments: int = 20
    teacher_steps: int = 20_000
    round_steps: int = 4_000
    rounds: int = 50
    collect_end: float = 0.95
    action_noise: float = 0.1
    teacher_share: float = 0.15
    capacity: int = 400_000
    recent_share: float = 0.3
    recent_observations: int = 40_000

    def with_rounds_of(self, steps: int) -> Settings:
        """The same with `steps` environment steps a round; what is kept and what counts as recent grow along."""
        grown = {name: getattr(self, name) * steps // self.round_steps for name in ("capacity", "recent_observations")}
        return replace(self, round_steps=steps, **grown)

    def update_at(self, fraction: float) -> int:
        """The update at `fraction` of the run."""
        return round(fraction * self.updates)

    def sparsity_at(self, update: int) -> float | None:
        """The sparsity to prune to before `update`; None where nothing is pruned."""
        start, end = self.update_at(self.prune_start), self.update_at(self.prune_end)
        interval = max(1, (end - start) // self.prune_events)
        if update == end:
            return self.sparsity
        if not start <= update < end or (update - start) % interval:
            return None
        first = min(self.first_sparsity, self.sparsity)
        return self.sparsity - (self.sparsity - first) * (1 - (update - start) / (end - start)) ** 3

    @property
    def freezes(self) -> bool:
        """Whether weights are rounded in steps."""
        coarse = self.bits.powers_of_two or self.bits.weights <= COARSE_BITS
        return self.rounding == "freeze" or (self.rounding == "auto" and coarse)

    def frozen_share_at(self, update: int) -> float | None:
        """The share of the weights to freeze before `update`; None where nothing is frozen then."""
        if not self.freezes:
            return None
        start, last = self.quantise_start, len(self.freeze_shares) - 1
        step = (self.freeze_end - start) / max(1, last)
        times = {self.update_at(start + index * step): share for index, share in enumerate(self.freeze_shares)}
        return times.get(update)

    def collects_at(self, update: int) -> bool:
        """Whether a round of rollouts comes before `update`."""
        return 0 < update < self.update_at(self.collect_end) and update % self.round_updates == 0

    @property
    def round_updates(self) -> int:
        """Updates between two rounds of rollouts."""
        return max(1, self.updates // self.rounds)

    def longest_segment(self, update: int) -> int:
        """Environment steps that a student may drive on its own: 50 while it is pruned, then up to 1,000."""
        return round(50 + 950 * max(0.0, (update / self.updates - self.prune_end) / (1 - self.prune_end)))

    def learning_rate_at(self, update: int) -> float:
        """Linear warm-up, then a cosine to (nearly) zero."""
        cosine = 0.5 * (1 + math.cos(math.pi * update / self.updates)) + 1e-3
        return self.learning_rate * cosine * min(1.0, (update + 1) / self.warmup_updates)


def check_settings(settings: Settings) -> None:
    """Raise DistilError for the first value that is not allowed."""
    if settings.round_steps > _MOST_ROUND_STEPS:
        raise DistilError(
            f"a round has {settings.round_steps:,} environment steps; at most {_MOST_ROUND_STEPS:,} are kept"
        )
    if not 0.0 <= settings.sparsity < 1.0:
        raise DistilError(f"sparsity is {settings.sparsity}; allowed: 0 up to, but not including, 1")
    order = ("prune_start", "prune_end", "quantise_start", "recalibrate")
    times = [settings.update_at(getattr(settings, name)) for name in order] + [settings.updates]
    if any(early >= late for early, late in zip(times, times[1:], strict=False)):
        raise DistilError(
            f"{', '.join(order)} and the end lie at updates {times}; each must come before the next: use more updates"
        )
    if not 2 <= settings.bits.weights <= 8:
        raise DistilError(f"weights have {settings.bits.weights} bits; allowed: 2 to 8")
    _check_structure(settings)
    for name in ("activations", "observations"):
        if getattr(settings.bits, name) not in (8, 16):
            raise DistilError(f"{name} have {getattr(settings.bits, name)} bits; allowed: 8, 16")
    positive = (
        "updates", "batch_size", "environments", "rounds", "round_steps", "prune_events", "capacity",
        "recent_observations",
    )  # fmt: skip
    for name in positive:
        if getattr(settings, name) < 1:
            raise DistilError(f"{name} is {getattr(settings, name)}; at least 1 is needed")
    if settings.width is not None and settings.width < 1:
        raise DistilError(f"width is {settings.width}; at least 1 neuron per hidden layer is needed")


def _check_structure(settings: Settings) -> None:
    if settings.pattern == "neurons" and settings.allocation != "global":
        raise DistilError(
            f"allocation is {settings.allocation}; whole neurons concern two layers at once, so only global is allowed"
        )
    if settings.pattern == "pairs" and settings.width is not None and settings.width < 2:
        raise DistilError(f"width is {settings.width}; with pairs two neurons live together: at least 2 are needed")
    if settings.bits.powers_of_two and settings.bits.weights < 3:
        raise DistilError("powers of two of 2 bits are the signs alone; at least 3 bits are needed")
    shares = settings.freeze_shares
    if not shares or shares[-1] != 1.0 or any(not 0 < a < b for a, b in zip(shares, shares[1:], strict=False)):
        raise DistilError(f"the shares of frozen weights are {shares}; they must rise, from above 0 to 1")
    if settings.freezes and not settings.quantise_start < settings.freeze_end < 1:
        raise DistilError(
            f"freezing ends at {settings.freeze_end}; needed: after quantise_start, {settings.quantise_start}, before 1"
        )

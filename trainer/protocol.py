"""When to train, prune and round how much: what the protocols of all algorithms have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import ClassVar

from .compression.calibration import BitWidths
from .compression.patterns import Pattern
from .compression.pruning import Allocation, CubicSchedule


class ProtocolError(ValueError):
    """A hyperparameter outside what is allowed; the message says which and what is."""


def shortest(value: float) -> str:
    """`value` as names of runs tell it: six digits where they tell it from all others, else as many as that takes."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Reinforcement learning with gradual pruning and integer training.

    The schedule is that of Ivanov et al. (Sci Rep 15, 9718, 2025): dense up to `prune_start` * steps, cubic magnitude
    pruning up to `prune_end` * steps, fixed mask up to `steps`, then quantised up to `quantise_end` * steps. Sparsity 0
    means no pruning. Without `quantised` the run is as long and stays in float: the baseline of equal training.
    With `averaging_steps` the policy that is measured and written is the mean of the weights over about so many last
    steps: for dense float policies only.
    What has no default here is the algorithm's to say: trainer/recipes has one file for each, with every value.
    """

    algorithm: ClassVar[str]

    env_id: str = field(kw_only=False)
    seed: int = 0
    steps: int
    sparsity: float = 0.0
    allocation: Allocation = "paper"
    pattern: Pattern = "unstructured"
    prune_start: float
    prune_end: float
    prune_events: int
    quantised: bool = True
    quantise_end: float
    bits: BitWidths = BitWidths()
    calibration_observations: int
    widths: tuple[int, ...] = (256, 256)
    learning_rate: float
    weight_decay: float
    batch_size: int
    gamma: float
    tau: float
    train_freq: int
    gradient_steps: int
    learning_starts: int
    buffer_size: int
    evaluate_every: int
    evaluation_episodes: int
    checkpoint_every: int
    averaging_steps: int = 0

    @property
    def total_steps(self) -> int:
        """Environment steps of the whole run, quantised training included."""
        return round(self.steps * max(1.0, self.quantise_end))

    @property
    def schedule(self) -> CubicSchedule:
        """When to prune how much."""
        return CubicSchedule(
            self.sparsity, round(self.prune_start * self.steps), round(self.prune_end * self.steps), self.prune_events
        )

    @property
    def quantises(self) -> bool:
        """Whether the run ends with integer training."""
        return self.quantised and self.quantise_end > 1.0

    def last_rollout(self, step: int) -> int:
        """Steps that are done when the rollout begins in which `step`, counted from 1, lies."""
        return (step - 1) // self.train_freq * self.train_freq

    @property
    def described(self) -> dict:
        """Plain values that tell this run from every other."""
        return {"algorithm": self.algorithm} | asdict(self)

    @property
    def final_from(self) -> int:
        """The first step from which the policy has the form in which it ends: mask fixed, integers if any."""
        if self.quantises:
            return self.steps
        return self.schedule.end if self.sparsity else 0

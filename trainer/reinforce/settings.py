"""Every hyperparameter of training a policy on, and what is allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass


class ReinforceError(ValueError):
    """Reinforcement learning that cannot be run; the message says what was found and what is allowed."""


@dataclass(frozen=True)
class ReinforceSettings:
    """Proximal policy optimisation for `steps` environment steps; what is not listed is Stable-Baselines3's default.

    A rollout is `rollout_steps` steps of each of `copies` environments. After every `block_rollouts` of them the policy
    is measured in `evaluation_episodes` episodes, and, where `evaluation_deviation` is not 0, in as many with noise of
    that deviation on its actions. In the first `value_rollouts` the value function learns alone. It learns at the same
    rate to the end; the policy's is constant within a block and falls linearly, block by block, to almost 0.
    `deviation` is that of the noise on actions in [-1, 1], at the beginning or, unless it `learns_deviation`, always;
    `disturbance` that of a push that the policy is not told of: it keeps its share `disturbance_memory` from step to
    step, so that it leans to one side for a while, as errors of a student do.
    """

    steps: int
    copies: int = 32
    rollout_steps: int = 64
    block_rollouts: int = 12
    value_rollouts: int = 12
    batch_size: int = 512
    epochs: int = 5
    learning_rate: float = 1e-4
    value_learning_rate: float = 1e-3
    deviation: float = 0.1
    learns_deviation: bool = True
    disturbance: float = 0.0
    disturbance_memory: float = 0.95
    clip_range: float = 0.2
    gamma: float = 0.99
    gae_lambda: float = 0.95
    value_widths: tuple[int, ...] = (128, 128)
    evaluation_episodes: int = 16
    evaluation_deviation: float = 0.0

    @property
    def rollout(self) -> int:
        """Environment steps of a rollout."""
        return self.copies * self.rollout_steps

    @property
    def value_steps(self) -> int:
        """Environment steps in which the value function learns alone."""
        return self.value_rollouts * self.rollout

    def learning_rate_at(self, step: int) -> float:
        """What the policy learns with in a block that begins at `step`."""
        done = (step - self.value_steps) / (self.steps - self.value_steps)
        return self.learning_rate * (1 - done)


def check_settings(settings: ReinforceSettings) -> None:
    """Raise ReinforceError for the first value that is not allowed."""
    if settings.steps <= settings.value_steps:
        raise ReinforceError(
            f"{settings.steps:,} environment steps; in the first {settings.value_steps:,} the value function learns "
            "alone: use more, 500,000 are usual"
        )
    lowest = {"copies": 1, "rollout_steps": 2, "block_rollouts": 1, "batch_size": 2, "epochs": 1}
    for name, least in (lowest | {"evaluation_episodes": 1, "value_rollouts": 0}).items():
        if getattr(settings, name) < least:
            raise ReinforceError(f"{name} is {getattr(settings, name)}; at least {least} is needed")
    for name in ("learning_rate", "value_learning_rate", "deviation", "clip_range"):
        value = getattr(settings, name)
        if not (math.isfinite(value) and value > 0):
            raise ReinforceError(f"{name} is {value}; it must be above 0 and finite")
    for name in ("evaluation_deviation", "disturbance"):
        value = getattr(settings, name)
        if not (math.isfinite(value) and value >= 0):
            raise ReinforceError(f"{name} is {value}; it must be finite, and 0 for none")
    for name in ("gamma", "disturbance_memory"):
        if not 0.0 <= getattr(settings, name) <= 1.0:
            raise ReinforceError(f"{name} is {getattr(settings, name)}; allowed: 0 to 1")

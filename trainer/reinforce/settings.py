"""Every hyperparameter of training a policy on, and what is allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LEAST_DEVIATION = 0.001


class ReinforceError(ValueError):
    """Reinforcement learning that cannot be run; the message says what was found and what is allowed."""


@dataclass(frozen=True)
class ReinforceSettings:
    """Proximal policy optimisation for `steps` environment steps; what is not listed is Stable-Baselines3's default.

    A rollout is `rollout_steps` steps of each of `copies` environments. After every `block_rollouts` of them the policy
    is measured in `evaluation_episodes` episodes, and, where it `measures_noise`, in as many with the noise that it is
    trained with. In the first `value_rollouts` the value function learns alone. It learns at the same rate to the end;
    the policy's is constant within a block and falls linearly, block by block, to almost 0. `deviation` is that of the
    noise on actions in [-1, 1], which stays to the end.
    """

    steps: int
    copies: int = 16
    rollout_steps: int = 256
    block_rollouts: int = 24
    value_rollouts: int = 24
    batch_size: int = 256
    epochs: int = 10
    learning_rate: float = 3e-4
    value_learning_rate: float = 3e-4
    deviation: float = 0.2
    clip_range: float = 0.2
    gamma: float = 0.99
    gae_lambda: float = 0.95
    value_widths: tuple[int, ...] = (256, 256)
    evaluation_episodes: int = 16
    measures_noise: bool = False

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


def check_settings(settings: ReinforceSettings, seed: int = 0) -> None:
    """Raise ReinforceError for the first value that is not allowed."""
    if not 0 <= seed < 1 << 32:
        raise ReinforceError(f"seed is {seed}; allowed: 0 to {(1 << 32) - 1}")
    if settings.steps <= settings.value_steps:
        raise ReinforceError(
            f"{settings.steps:,} environment steps; in the first {settings.value_steps:,} the value function learns "
            "alone: use more"
        )
    lowest = {"copies": 1, "rollout_steps": 2, "block_rollouts": 1, "batch_size": 2, "epochs": 1}
    for name, least in (lowest | {"evaluation_episodes": 1, "value_rollouts": 0}).items():
        if getattr(settings, name) < least:
            raise ReinforceError(f"{name} is {getattr(settings, name)}; at least {least} is needed")
    if not _LEAST_DEVIATION <= settings.deviation <= 1:
        raise ReinforceError(
            f"deviation is {settings.deviation}; allowed: {_LEAST_DEVIATION} to 1 of actions in [-1, 1]; 0.2 is usual"
        )
    for name in ("learning_rate", "value_learning_rate", "clip_range"):
        value = getattr(settings, name)
        if not (math.isfinite(value) and value > 0):
            raise ReinforceError(f"{name} is {value}; it must be above 0 and finite")
    for name in ("gamma", "gae_lambda"):
        if not 0.0 <= getattr(settings, name) <= 1.0:
            raise ReinforceError(f"{name} is {getattr(settings, name)}; allowed: 0 to 1")

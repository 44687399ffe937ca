"""Pushes on a policy's actions that it is not told of."""

from __future__ import annotations

import gymnasium
import numpy as np


class Disturbed(gymnasium.ActionWrapper):
    """Adds a first-order autoregressive Gaussian process of `deviation`, one for each action in [-1, 1].

    A push keeps its share `memory` from step to step; every episode begins with another."""

    def __init__(self, env: gymnasium.Env, deviation: float, memory: float) -> None:
        super().__init__(env)
        self.deviation, self.memory = deviation, memory

    def reset(self, **options):
        """Begin an episode with a fresh push."""
        begun = super().reset(**options)
        self.push = self.np_random.standard_normal(self.action_space.shape)
        return begun

    def action(self, action: np.ndarray) -> np.ndarray:
        """The action, pushed, within [-1, 1]."""
        fresh = self.np_random.standard_normal(self.action_space.shape)
        self.push = self.memory * self.push + np.sqrt(1 - self.memory**2) * fresh
        return np.clip(action + self.deviation * self.push, -1, 1).astype(np.float32)

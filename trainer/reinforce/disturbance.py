"""Disturbed actions: noise, and pushes that last."""

from __future__ import annotations

import gymnasium
import numpy as np


class Disturbed(gymnasium.ActionWrapper):
    """Adds a first-order autoregressive Gaussian process to each action, of `deviation` in units of half its range.

    A push keeps its share `memory` from step to step, which with 0 is noise; every episode begins with another."""

    def __init__(self, env: gymnasium.Env, deviation: float, memory: float = 0.0) -> None:
        super().__init__(env)
        self.memory = memory
        self.reach = deviation * (self.action_space.high - self.action_space.low) / 2

    def reset(self, **options):
        """Begin an episode with a fresh push."""
        begun = super().reset(**options)
        self.push = self._fresh()
        return begun

    def action(self, action: np.ndarray) -> np.ndarray:
        """The action, pushed, within its bounds."""
        self.push = self.memory * self.push + np.sqrt(1 - self.memory**2) * self._fresh()
        low, high = self.action_space.low, self.action_space.high
        return np.clip(action + self.reach * self.push, low, high).astype(self.action_space.dtype)

    def _fresh(self) -> np.ndarray:
        return self.np_random.standard_normal(self.action_space.shape)

"""Noise on actions, for measurements of how much of it a policy stands."""

from __future__ import annotations

import gymnasium
import numpy as np


class Noisy(gymnasium.ActionWrapper):
    """Adds independent Gaussian noise to each action, of `deviation` in units of half its range."""

    def __init__(self, env: gymnasium.Env, deviation: float) -> None:
        super().__init__(env)
        self.random: np.random.Generator | None = None
        self.reach = deviation * (self.action_space.high - self.action_space.low) / 2

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Begin an episode; a seed decides its noise too, which is apart from the environment's own randomness."""
        if seed is not None or self.random is None:
            self.random = np.random.default_rng(seed)
        return super().reset(seed=seed, options=options)

    def action(self, action: np.ndarray) -> np.ndarray:
        """The action with noise, within its bounds."""
        noisy = action + self.reach * self.random.standard_normal(self.action_space.shape)
        return np.clip(noisy, self.action_space.low, self.action_space.high).astype(self.action_space.dtype)

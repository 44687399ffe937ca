"""Noise on actions, for measurements of how much of it a policy stands."""

from __future__ import annotations

import gymnasium
import numpy as np


class Noisy(gymnasium.ActionWrapper):
    """Adds independent Gaussian noise to each action, of `deviation` in units of half its range."""

    def __init__(self, env: gymnasium.Env, deviation: float) -> None:
        super().__init__(env)
        self.reach = deviation * (self.action_space.high - self.action_space.low) / 2

    def action(self, action: np.ndarray) -> np.ndarray:
        """The action with noise, within its bounds."""
        noisy = action + self.reach * self.np_random.standard_normal(self.action_space.shape)
        return np.clip(noisy, self.action_space.low, self.action_space.high).astype(self.action_space.dtype)

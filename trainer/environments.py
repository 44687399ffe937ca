"""Gymnasium environments as the trainer sees them: float32 observations, one thread, quiet."""

from __future__ import annotations

import gymnasium
import numpy as np

from ganglion.hil.environments import open_quietly


class Float32Observation(gymnasium.ObservationWrapper):
    """Observations rounded to float32, the precision that networks, buffers and devices work in."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        space = env.observation_space
        self.observation_space = gymnasium.spaces.Box(
            space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32
        )

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """`observation` of any float type as float32, same shape."""
        return observation.astype(np.float32)


def make_env(env_id: str, seed: int | None = None) -> gymnasium.Env:
    """The environment `env_id` with float32 observations, its spaces and dynamics seeded."""
    env = Float32Observation(open_quietly(env_id))
    if seed is not None:
        env.reset(seed=seed)
        env.action_space.seed(seed)
    return env

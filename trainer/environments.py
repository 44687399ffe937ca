"""Gymnasium environments as the trainer sees them: float32 observations, one thread, quiet."""

from __future__ import annotations

import importlib.util
import logging
import warnings

import gymnasium
import numpy as np

_LOG = logging.getLogger(__name__)


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
    _quieten()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = Float32Observation(gymnasium.make(env_id))
    if seed is not None:
        env.reset(seed=seed)
        env.action_space.seed(seed)
    return env


def _quieten() -> None:
    """MuJoCo's warnings go to the log; it would write them to the terminal and to a file in the working folder."""
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    if importlib.util.find_spec("mujoco"):
        import mujoco

        mujoco.set_mju_user_warning(_LOG.info)

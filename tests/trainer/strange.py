"""Environments that cannot be trained on, each in its own way."""

from contextlib import contextmanager

import gymnasium
import numpy as np


class Strange(gymnasium.Env):
    """Good, but for what it is given: other spaces, observations and rewards that spoil after `good` steps (of all
    episodes), what `reset` or `step` raises, what the constructor does (`refuses`)."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, good=0, first=0.0, then=0.0, reward=0.0, shape=None, raises=None, refuses=None, **spaces):
        if refuses:
            raise refuses
        self.good, self.first, self.then, self.reward, self.raises = good, first, then, reward, raises
        vars(self).update(spaces)
        self.shape = shape or self.observation_space.shape
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if self.raises == "reset":
            raise ValueError("no episode left")
        return self._observation(self.first), {}

    def step(self, action):
        self.steps += 1
        spoilt = self.steps > self.good
        if spoilt and self.raises == "step":
            raise ZeroDivisionError("division by zero")
        ends = self.steps % 20 == 0
        return self._observation(self.then if spoilt else 0.0), self.reward if spoilt else 1.0, False, ends, {}

    def _observation(self, last):
        observation = np.full(self.shape, self.steps % 3, self.observation_space.dtype)
        if observation.ndim == 1 and observation.size:
            observation[-1] = last
        return observation


@contextmanager
def registered(env_id="Strange-v0", **options):
    """The environment `env_id` with these options, for as long as this lasts."""
    gymnasium.register(env_id, Strange, kwargs=options)
    try:
        yield env_id
    finally:
        del gymnasium.registry[env_id]

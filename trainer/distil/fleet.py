"""Environments in lock step in which teacher and student take turns at the wheel (DAgger: Ross et al. 2011,
arXiv 1011.0686), with noise on the actions and episodes of different lengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..environments import make_env
from .settings import DistilError, Settings

Act = Callable[[np.ndarray], np.ndarray]

_FIRST_SEED = 1 << 20  # far from the seeds that policies are measured on
_LONGEST_EPISODE = 1_000
_HORIZONS = (0.2, 0.4, 1.0, 1.0)
_NOISES = (0.0, 0.5, 1.0, 2.0)
_TEACHER_SEGMENT = (5, 60)
_SHORTEST_STUDENT_SEGMENT = 10


class Fleet:
    """`settings.environments` copies of an environment; `restart` decides everything that follows."""

    def __init__(self, env_id: str, settings: Settings) -> None:
        self.settings = settings
        self.envs = [make_env(env_id) for _ in range(settings.environments)]
        spec = self.envs[0].spec
        self.longest = min(_LONGEST_EPISODE, spec.max_episode_steps or _LONGEST_EPISODE)
        space = self.envs[0].action_space
        self.low, self.high = space.low.astype(np.float64), space.high.astype(np.float64)

    def restart(self, generation: int) -> None:
        """Reset all environments and random numbers; the same `generation` always starts the same future."""
        self.random = np.random.default_rng([self.settings.seed, generation])
        seeds = _FIRST_SEED + self.random.integers(1 << 30, size=len(self.envs))
        self.observations = np.stack([env.reset(seed=int(s))[0] for env, s in zip(self.envs, seeds, strict=True)])
        self.age = np.zeros(len(self.envs), int)
        self.horizon = self.random.integers(1 + self.longest // 10, 1 + self.longest, size=len(self.envs))
        self.segment = self.random.integers(1, _TEACHER_SEGMENT[1], size=len(self.envs))
        self.teaches = np.ones(len(self.envs), bool)
        self.noise = self._draw_noise(len(self.envs))

    def collect(self, steps: int, teacher: Act, student: Act | None, longest_segment: int) -> np.ndarray:
        """The observations, float32 (steps, features), of `steps` environment steps.

        Without a student the teacher drives alone. Both map observations (n, features) to actions in [-1, 1].
        """
        count = len(self.envs)
        visited = []
        for _ in range(-(-steps // count)):
            visited.append(self.observations.copy())
            actions = teacher(self.observations)
            if student is not None:
                actions = np.where(self.teaches[:, None], actions, student(self.observations))
                self._change_drivers(longest_segment)
            self._step(actions + self.noise[:, None] * self.random.standard_normal(actions.shape))
        return np.concatenate(visited)[:steps]

    def _step(self, actions: np.ndarray) -> None:
        actions = self.low + (np.clip(actions, -1, 1) + 1) / 2 * (self.high - self.low)
        self.age += 1
        for index, env in enumerate(self.envs):
            observation, _, terminated, truncated, _ = env.step(actions[index].astype(np.float32))
            if not np.isfinite(observation).all():
                feature = int(np.flatnonzero(~np.isfinite(observation))[0])
                raise DistilError(
                    f"the environment returned {observation[feature]} as feature {feature} of an observation; "
                    "finite values are needed: check the environment's step()"
                )
            if terminated or truncated or self.age[index] >= self.horizon[index]:
                observation = self._begin_episode(index)
            self.observations[index] = observation

    def _begin_episode(self, index: int) -> np.ndarray:
        self.age[index] = 0
        self.horizon[index] = max(1, round(self.longest * self.random.choice(_HORIZONS)))
        self.teaches[index] = self.random.random() < self.settings.teacher_share
        self.noise[index] = self._draw_noise(1)[0]
        return self.envs[index].reset()[0]

    def _change_drivers(self, longest_segment: int) -> None:
        self.segment -= 1
        for index in np.flatnonzero(self.segment <= 0):
            self.teaches[index] = not self.teaches[index]
            self.noise[index] = self._draw_noise(1)[0]
            if self.teaches[index]:
                self.segment[index] = self.random.integers(*_TEACHER_SEGMENT)
            else:
                shortest = np.log(_SHORTEST_STUDENT_SEGMENT)
                self.segment[index] = int(np.exp(self.random.uniform(shortest, np.log(longest_segment))))

    def _draw_noise(self, count: int) -> np.ndarray:
        return self.random.choice(_NOISES, size=count) * self.settings.action_noise

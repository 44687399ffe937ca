"""Gymnasium environments as the trainer sees them: float32 observations or stacks of images, one thread, quiet."""

from __future__ import annotations

import math

import gymnasium
import numpy as np

from ganglion.hil.environments import open_quietly

GAMES = ("Pong", "Boxing", "Tutankham", "CrazyClimber")
_ATARI_SUFFIX = "NoFrameskip-v4"
_FRAMES = 4


class UnsuitableEnvironmentError(ValueError):
    """An environment that cannot be trained on; the message says why."""


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


class Watched(gymnasium.Wrapper):
    """Raises UnsuitableEnvironmentError, with environment and step, for an observation or a reward that cannot be
    learned from, and for what the environment itself raises."""

    def __init__(self, env: gymnasium.Env, env_id: str) -> None:
        super().__init__(env)
        self.env_id, self._steps = env_id, 0
        self._shape = env.observation_space.shape
        self._floats = np.issubdtype(env.observation_space.dtype, np.floating)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """The first observation of an episode."""
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except Exception as error:
            raise self._raised("reset", error) from error
        self._judge(observation)
        return observation, info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """One step of the environment."""
        self._steps += 1
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            reward = float(reward)
        except Exception as error:
            raise self._raised("step", error) from error
        self._judge(observation)
        if not math.isfinite(reward):
            raise self._unsuitable(f"the reward is {reward}", "what is learned from must be finite")
        return observation, reward, terminated, truncated, info

    def _judge(self, observation: np.ndarray) -> None:
        if observation.shape != self._shape:
            raise self._unsuitable(f"an observation has shape {observation.shape}", f"its space says {self._shape}")
        if self._floats and not np.isfinite(observation).all():
            where = np.argwhere(~np.isfinite(observation))[0].tolist()
            told = f"observation {where} is {observation[tuple(where)]}"
            raise self._unsuitable(told, "what is learned from must be finite")

    def _raised(self, name: str, error: Exception) -> UnsuitableEnvironmentError:
        return self._unsuitable(f"{name} raised {type(error).__name__} ({error})", "no episode may end so")

    def _unsuitable(self, what: str, why: str) -> UnsuitableEnvironmentError:
        steps = f"{self._steps:,} step{'' if self._steps == 1 else 's'}"
        return UnsuitableEnvironmentError(
            f"{self.env_id}: {what} after {steps}; {why}: mend the environment or wrap it"
        )


def usual_gamma(env_id: str) -> float:
    """The discount that a teacher of `env_id` is trained with: without 0.9999 Swimmer does not learn to swim."""
    return 0.9999 if env_id.startswith("Swimmer") else 0.99


def atari_id(name: str) -> str | None:
    """The environment of a game by its name or id, as published (no frame skip, no sticky actions); else None."""
    if name in GAMES:
        return name + _ATARI_SUFFIX
    return name if name.endswith(_ATARI_SUFFIX) else None


def make_env(env_id: str, seed: int | None = None, training: bool = False) -> gymnasium.Env:
    """The environment `env_id`, its spaces and dynamics seeded: float32 observations, or images (4, 84, 84).

    Games are preprocessed as usual; only in `training` a lost life ends an episode and rewards are clipped, and what
    cannot be learned from is an error (`Watched`).
    UnsuitableEnvironmentError where observations are not numbers.
    """
    env = _make_game(env_id, training) if atari_id(env_id) else _make_vectors(env_id)
    if training:
        env = Watched(env, env_id)
    if seed is not None:
        env.reset(seed=seed)
        env.action_space.seed(seed)
    return env


def _make_vectors(env_id: str) -> gymnasium.Env:
    env = open_quietly(env_id)
    if not isinstance(env.observation_space, gymnasium.spaces.Box):
        raise UnsuitableEnvironmentError(
            f"{env_id} has observations {env.observation_space}; a vector of numbers is needed, wrap the environment"
        )
    return Float32Observation(env)


def _make_game(env_id: str, training: bool) -> gymnasium.Env:
    import ale_py
    from stable_baselines3.common.atari_wrappers import AtariWrapper

    gymnasium.register_envs(ale_py)
    env = AtariWrapper(open_quietly(env_id), terminal_on_life_loss=training, clip_reward=training)
    env = gymnasium.wrappers.FrameStackObservation(env, _FRAMES, padding_type="zero")
    images = gymnasium.spaces.Box(0, 255, env.observation_space.shape[:3], np.uint8)
    return gymnasium.wrappers.TransformObservation(env, lambda stack: stack[..., 0], images)

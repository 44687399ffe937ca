"""Gymnasium environments as the trainer sees them: float32 observations or stacks of images, one thread, quiet."""

from __future__ import annotations

import gymnasium
import numpy as np

from ganglion.hil.environments import open_quietly

GAMES = ("Pong", "Boxing", "Tutankham", "CrazyClimber")
_ATARI_SUFFIX = "NoFrameskip-v4"
_FRAMES = 4
_CHECKED_STEPS = 200


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

    Games are preprocessed as usual; only in `training` a lost life ends an episode and rewards are clipped.
    UnsuitableEnvironmentError where observations are not numbers.
    """
    env = _make_game(env_id, training) if atari_id(env_id) else _make_vectors(env_id)
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


def check_env(env_id: str, action_space: type[gymnasium.Space]) -> None:
    """Raise UnsuitableEnvironmentError unless `env_id` has such actions and flat or image observations, all finite."""
    env = make_env(env_id, seed=0)
    if not isinstance(env.action_space, action_space):
        kind = {gymnasium.spaces.Box: "sac", gymnasium.spaces.Discrete: "dqn"}.get(type(env.action_space))
        advice = f"use --algo {kind}" if kind else "neither algorithm can act there"
        raise UnsuitableEnvironmentError(
            f"{env_id} has actions {env.action_space}, {action_space.__name__} is needed; {advice}"
        )
    if isinstance(env.action_space, gymnasium.spaces.Box) and not env.action_space.is_bounded():
        raise UnsuitableEnvironmentError(
            f"{env_id} has actions without bounds; wrap it so that they lie between two numbers"
        )
    if len(env.observation_space.shape) not in (1, 3):
        shape = env.observation_space.shape
        raise UnsuitableEnvironmentError(
            f"{env_id} has observations of shape {shape}; a vector or a stack of images is needed"
        )
    _check_finite(env, env_id)


def _check_finite(env: gymnasium.Env, env_id: str) -> None:
    observation, _ = env.reset(seed=0)
    for step in range(_CHECKED_STEPS):
        if not np.isfinite(observation).all():
            where = np.argwhere(~np.isfinite(observation))[0].tolist()
            raise UnsuitableEnvironmentError(
                f"{env_id}: observation {where} is {observation[tuple(where)]} after {step} random steps; "
                "what is learned from must be finite: mend the environment or wrap it"
            )
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()

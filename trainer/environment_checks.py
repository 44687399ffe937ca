"""Which environments can be trained on: spaces, and what a few random steps show."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces

from .environments import UnsuitableEnvironmentError, Watched, atari_id, make_env

_CHECKED_STEPS = 200


def check_env(env_id: str, action_space: type[gymnasium.Space]) -> None:
    """Raise UnsuitableEnvironmentError unless `env_id` has such actions, observations that networks can be trained on,
    and 200 random steps in which it raises nothing and gives finite numbers; UnknownEnvironmentError for none."""
    env = Watched(make_env(env_id), env_id)
    try:
        problem = _of_actions(env.action_space, action_space) or _of_observations(env, action_space)
        if problem is not None:
            raise UnsuitableEnvironmentError(f"{env_id} has {problem}")
        _try_out(env)
    finally:
        env.close()


def _of_actions(space: gymnasium.Space, wanted: type[gymnasium.Space]) -> str | None:
    """What stands against these actions, and what to do."""
    if not isinstance(space, wanted):
        kind = {spaces.Box: "sac", spaces.Discrete: "dqn"}.get(type(space))
        advice = f"use --algo {kind}" if kind else "neither algorithm can act there"
        return f"actions {space}, {wanted.__name__} is needed; {advice}"
    if isinstance(space, spaces.Box):
        return _of_continuous(space)
    if isinstance(space, spaces.Discrete) and space.start != 0:
        return f"actions that are counted from {space.start}, the policy's from 0; wrap it so that the first is 0"
    return None


def _of_continuous(space: spaces.Box) -> str | None:
    if len(space.shape) != 1 or not space.shape[0]:
        return f"actions of shape {space.shape}, a vector of at least one is needed; wrap it so that they are flat"
    if not np.issubdtype(space.dtype, np.floating):
        return f"actions of type {space.dtype}, float32 is needed; wrap it so that they are"
    if not space.is_bounded():
        return "actions without bounds; wrap it so that they lie between two numbers"
    with np.errstate(over="ignore"):
        spans = space.high.astype(np.float32) - space.low.astype(np.float32)
    wrong = np.flatnonzero(~((spans > 0) & np.isfinite(spans)))
    if len(wrong):
        index = int(wrong[0])
        return (
            f"actions of which number {index} lies between {space.low[index]:g} and {space.high[index]:g}; the upper "
            "bound must be above the lower and their distance a float32: wrap it so that it is, or leave it out"
        )
    return None


def _of_observations(env: gymnasium.Env, actions: type[gymnasium.Space]) -> str | None:
    shape = env.observation_space.shape
    if 0 in shape:
        return f"observations of shape {shape}, which are empty; at least one number is needed"
    if len(shape) == 1:
        return None
    if actions is spaces.Box:
        return f"observations of shape {shape}; sac is for vectors of numbers: wrap it so that they are flat"
    if len(shape) == 3 and atari_id(env.env_id):
        return None
    return f"observations of shape {shape}; a vector is needed, stacks of images come from Atari games only"


def _try_out(env: gymnasium.Env) -> None:
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(_CHECKED_STEPS):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()

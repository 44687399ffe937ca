"""Returns of deterministic episodes: fixed seeds, no exploration, undiscounted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gymnasium
import numpy as np

from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import infer

from .environments import make_env

Act = Callable[[np.ndarray], np.ndarray]


def evaluate(act: Act, env, episodes: int, first_seed: int) -> list[float]:
    """One return per episode, one after the other; episode k is reset with seed `first_seed` + k.

    `act` maps an observation (features,) to an action in the environment's units.
    """
    returns = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=first_seed + episode)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            total, done = total + float(reward), terminated or truncated
        returns.append(round(total, 3))
    return returns


def evaluate_together(act: Act, env: str | Callable[[], gymnasium.Env], episodes: int, first_seed: int) -> list[float]:
    """The returns that `evaluate` gives, all episodes in lock step: `act` maps observations (n, ...) to n actions.

    `env` is an environment's id, or makes one.
    """
    make = partial(make_env, env) if isinstance(env, str) else env
    envs = [make() for _ in range(episodes)]
    observations = np.stack([env.reset(seed=first_seed + k)[0] for k, env in enumerate(envs)])
    totals, running = np.zeros(episodes), np.arange(episodes)
    while len(running):
        ended = np.zeros(len(running), bool)
        for place, (k, action) in enumerate(zip(running, act(observations[running]), strict=True)):
            observations[k], reward, terminated, truncated, _ = envs[k].step(action)
            totals[k] += float(reward)
            ended[place] = terminated or truncated
        running = running[~ended]
    return [round(float(total), 3) for total in totals]


def act_integer(policy: Policy) -> Act:
    """The integer policy, run by the reference interpreter on observations (n, features): actions, or choices (n,)."""
    if policy.head.kind == "argmax":
        return lambda observations: infer(policy, observations).codes[:, 0].astype(int)
    return lambda observations: infer(policy, observations).actions


def act_float(model) -> Act:
    """The deterministic policy of a Stable-Baselines3 model on observations (n, ...), as its layers compute."""
    return lambda observations: model.predict(observations, deterministic=True)[0]


def summarise(returns: list[float], first_seed: int) -> dict:
    """The entry of an actor file's `returns` for these episodes."""
    return {
        "mean": round(float(np.mean(returns)), 3),
        "std": round(float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0, 3),
        "min": min(returns),
        "episodes": len(returns),
        "first_seed": first_seed,
    }

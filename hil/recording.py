"""Observations as the policy meets them: recorded in its environment, driven by the oracle."""

from __future__ import annotations

import numpy as np

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.policy import Policy

from .environments import make_env


def recorded_observations(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
    """Float32 (count, features): the first ones of the episodes seeded `seed`, `seed` + 1, ... of the policy's own
    environment. UnknownEnvironmentError when it cannot be opened."""
    result = np.zeros((count, policy.features), np.float32)
    if not count:
        return result
    with make_env(policy.env_id, policy) as env:
        done = True
        for row in result:
            if done:
                observation, _ = env.reset(seed=seed)
                seed += 1
            row[:] = observation
            observation, _, terminated, truncated, _ = env.step(_action(policy, row))
            done = terminated or truncated
    return result


def _action(policy: Policy, observation: np.ndarray) -> np.ndarray | int:
    codes = reference.infer(policy, observation[None]).codes[0]
    if policy.head.kind == "argmax":
        return int(codes[0])
    return arithmetic.affine(codes, policy.head.gain, policy.head.offset)

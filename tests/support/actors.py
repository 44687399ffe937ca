"""Actors for the tests: a random policy with an honest description beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganglion.codegen.actor import Actor, write_actor
from ganglion.codegen.policy import Policy

from .policies import random_policy


def hopper_policy(seed: int = 0, sparsity: float = 0.9, env_id: str = "Hopper-v4") -> Policy:
    """A random policy of Hopper's shape: it falls within some tens of steps."""
    return random_policy(seed, shape=(11, 32, 32, 3), sparsity=sparsity, env_id=env_id)


def about(policy: Policy, algorithm: str = "sac", nominal: float = 0.9, quantised: float | None = None) -> dict:
    """A description for `policy`; `quantised` is the mean return it tells of itself, none if None."""
    weights = sum(layer.weights.size for layer in policy.layers)
    returns = {"dense": {"mean": 3000.0, "std": 10.0, "episodes": 20, "first_seed": 100}}
    if quantised is not None:
        returns["quantised"] = {"mean": quantised, "std": 5.0, "episodes": 20, "first_seed": 100}
    return {
        "algorithm": algorithm,
        "sparsity": {"nominal": nominal, "weights": weights, "nonzeros": policy.nonzeros},
        "provenance": {"seed": 0, "steps": 1, "commit": "0", "versions": {"numpy": np.__version__}, "protocol": {}},
        "returns": returns,
    }


def hopper_actor(folder: Path, **description) -> tuple[Path, Actor]:
    """Write a random Hopper actor into `folder`."""
    policy = hopper_policy()
    path = folder / "actor.safetensors"
    return path, write_actor(path, policy, about(policy, **description))

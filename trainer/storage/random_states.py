"""The states of every generator of random numbers that training draws from."""

from __future__ import annotations

import random

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm


def random_states() -> dict:
    """The states of the process's own generators: torch's, numpy's, Python's."""
    return {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}


def restore_random_states(states: dict) -> None:
    """Go on with the random numbers that followed `random_states`."""
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])


def training_states(model: OffPolicyAlgorithm) -> dict:
    """`random_states` with the generators of the model's action space and of its one environment."""
    own = {name: generator.bit_generator.state for name, generator in _generators(model).items()}
    return random_states() | own


def restore_training_states(model: OffPolicyAlgorithm, states: dict) -> None:
    """Go on with the random numbers that followed `training_states`, in a model that was just loaded.

    Loading seeds its environment anew, which the next reset would do; that is spent here, so that the next episode is
    not the first one again.
    """
    model.env.reset()
    for name, generator in _generators(model).items():
        generator.bit_generator.state = states[name]
    restore_random_states(states)


def _generators(model: OffPolicyAlgorithm) -> dict[str, np.random.Generator]:
    (env,) = model.env.get_attr("unwrapped")
    return {"actions": model.action_space.np_random, "environment": env.np_random}

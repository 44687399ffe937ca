"""Critics that are fitted to a teacher: what they learn, and that the seed decides it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganglion.trainer.critics import CriticSettings, fit_critics
from ganglion.trainer.environments import make_env
from ganglion.trainer.teacher import Teacher, network

SETTINGS = CriticSettings(steps=1_000, updates=300, batch_size=64, learning_rate=3e-3, noises=(0.3,))


@pytest.fixture(scope="module")
def teacher():
    """An untrained policy of the pendulum, whose actions reach from -2 to 2."""
    random = torch.Generator().manual_seed(0)
    sizes = (3, 8, 1)
    layers = [
        (torch.randn(out, into, generator=random), torch.zeros(out))
        for into, out in zip(sizes, sizes[1:], strict=False)
    ]
    return Teacher("Pendulum-v1", network(layers), (), {})


def _pairs(teacher, count):
    env = make_env("Pendulum-v1", seed=5)
    observation, rows = env.reset(seed=5)[0], []
    random = np.random.default_rng(1)
    for _ in range(count):
        action = random.uniform(-1, 1, 1).astype(np.float32)
        following, reward, *_ = env.step(teacher.in_units(action))
        rows.append((np.concatenate([observation, action]), reward))
        observation = following
    inputs, rewards = (np.asarray(column, np.float32) for column in zip(*rows, strict=True))
    return torch.from_numpy(inputs), rewards


def test_without_a_future_critics_are_the_reward(teacher):
    """Known from the environment itself, on steps that they were not fitted to."""
    inputs, rewards = _pairs(teacher, 200)
    for critic in fit_critics(teacher, gamma=0.0, settings=SETTINGS):
        assert np.corrcoef(critic(inputs)[:, 0].numpy(), rewards)[0, 1] > 0.9


def test_a_future_counts(teacher):
    """Values of a sum of negative rewards lie below those of one reward."""
    inputs, _ = _pairs(teacher, 200)
    (now, _), (long, _) = (fit_critics(teacher, gamma=gamma, settings=SETTINGS) for gamma in (0.0, 0.9))
    assert long(inputs).mean() < 1.5 * now(inputs).mean() < 0


def test_the_seed_decides(teacher):
    """Same seed, same critics; the teacher and the caller's random numbers stay as they were."""
    quick = replace(SETTINGS, steps=300, updates=10)
    before, digest = torch.get_rng_state(), teacher.digest
    first, again, other = (fit_critics(teacher, seed=seed, settings=quick)[0] for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before) and teacher.digest == digest
    assert not any(weight.requires_grad for weight in first.parameters())

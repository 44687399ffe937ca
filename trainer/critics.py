"""Critics for a teacher that has none: what its actions are worth, learned from its own noisy episodes.

Fitted Q evaluation (Le et al. 2019, arXiv 1903.08738) with two networks and slowly following targets. Distillation asks
critics only how much a moved action costs in comparison with others, so that rewards are scaled freely.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .environments import make_env
from .teacher import Teacher

CRITICS_DISCOUNT = 0.99  # the most that is of use: distant rewards say little about which actions matter
_WIDTH = 256
_TAU = 0.005


@dataclass(frozen=True)
class CriticSettings:
    """How critics are fitted: steps of the environment, gradient steps, and deviations of the noise on actions in
    [-1, 1], one drawn for each episode."""

    steps: int = 100_000
    updates: int = 20_000
    batch_size: int = 256
    learning_rate: float = 3e-4
    noises: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)


DEFAULTS = CriticSettings()


@dataclass(frozen=True, eq=False)
class _Transitions:
    """float32: what critics read before and after each step (n, features + actions), rewards and continuations (n,), a
    continuation being 0 where an episode ended for good."""

    inputs: torch.Tensor
    rewards: torch.Tensor
    next_inputs: torch.Tensor
    continuations: torch.Tensor


def fit_critics(
    teacher: Teacher, gamma: float = 0.99, seed: int = 0, settings: CriticSettings = DEFAULTS
) -> tuple[nn.Sequential, nn.Sequential]:
    """Two networks that map what the teacher sees of an observation and an action, side by side, to a value (n, 1)."""
    torch.set_num_threads(1)
    data = _collect(teacher, settings, np.random.default_rng(seed))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        critics = nn.ModuleList(_network(teacher) for _ in range(2))
    targets = deepcopy(critics).requires_grad_(False)
    optimizer = torch.optim.Adam(critics.parameters(), lr=settings.learning_rate, fused=True)
    random = torch.Generator().manual_seed(seed)
    for _ in range(settings.updates):
        batch = torch.randint(len(data.rewards), (settings.batch_size,), generator=random)
        with torch.no_grad():
            following = torch.minimum(*(target(data.next_inputs[batch])[:, 0] for target in targets))
            goal = data.rewards[batch] + gamma * data.continuations[batch] * following
        loss = sum(nn.functional.mse_loss(critic(data.inputs[batch])[:, 0], goal) for critic in critics)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch._foreach_lerp_(list(targets.parameters()), [weight.detach() for weight in critics.parameters()], _TAU)
    return tuple(critics.requires_grad_(False))


def _network(teacher: Teacher) -> nn.Sequential:
    inputs = teacher.features + teacher.linears[-1].out_features
    return nn.Sequential(
        nn.Linear(inputs, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1)
    )


def _collect(teacher: Teacher, settings: CriticSettings, random: np.random.Generator) -> _Transitions:
    env, rows = make_env(teacher.env_id), []
    while len(rows) < settings.steps:
        observation, _ = env.reset(seed=int(random.integers(2**31)))
        noise, done = random.choice(settings.noises), False
        while not done:
            action = teacher.act(observation[None])[0]
            action = np.clip(action + noise * random.standard_normal(len(action)), -1, 1).astype(np.float32)
            following, reward, terminated, truncated, _ = env.step(teacher.in_units(action))
            rows.append((observation, action, float(reward), following, float(not terminated)))
            observation, done = following, terminated or truncated
    observations, actions, rewards, following, continuations = (
        torch.from_numpy(np.asarray(column, np.float32)) for column in zip(*rows, strict=True)
    )
    with torch.no_grad():
        inputs = torch.cat([teacher.see(observations), actions], dim=1)
        next_actions = torch.from_numpy(teacher.act(following.numpy()))
        next_inputs = torch.cat([teacher.see(following), next_actions], dim=1)
    return _Transitions(inputs, rewards / rewards.abs().mean().clamp_min(1e-6), next_inputs, continuations)

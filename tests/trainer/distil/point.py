"""A small task for the tests: pull a point to the origin. Its teacher is exact, has critics, and is made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gymnasium
import numpy as np
import torch
from torch import nn

from ganglion.trainer.teacher import Teacher, write_teacher

ENV = "GanglionTestPoint-v0"
_HIDDEN = 12


class Point(gymnasium.Env):
    """Three coordinates drift; the first two are pushed by the actions; the reward is 1 minus their squares."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    action_space = gymnasium.spaces.Box(-2.0, 4.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-2, 2, 3)
        return self.position.copy(), {}

    def step(self, action):
        push = (np.asarray(action, np.float64) - 1) / 3
        self.position += 0.2 * np.append(push, 0) + self.np_random.normal(0, 0.02, 3)
        reward = 1 - float(np.square(self.position[:2]).sum())
        return self.position.copy(), reward, bool(np.abs(self.position).max() > 4), False, {}


class Broken(Point):
    """Returns an observation that is not a number after some steps."""

    def step(self, action):
        observation, *rest = super().step(action)
        observation[1] = np.nan
        return observation, *rest


class Stuck(Point):
    """Cannot be reset."""

    def reset(self, *, seed=None, options=None):
        raise RuntimeError("no power")


for name, cls in ((ENV, Point), ("GanglionTestBroken-v0", Broken), ("GanglionTestStuck-v0", Stuck)):
    if name not in gymnasium.registry:
        gymnasium.register(name, cls, max_episode_steps=40)


def teacher(sign: float = 1.0, critics: bool = True, env_id: str = ENV) -> Teacher:
    """A teacher that steers to the origin, or away from it with `sign` -1."""
    torch.manual_seed(3)
    actor = nn.Sequential(
        nn.Linear(3, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2)
    )
    with torch.no_grad():
        for layer in (actor[0], actor[2], actor[4]):
            layer.weight.mul_(0.05)
            layer.bias.zero_()
        for axis in range(2):
            for side, slope in enumerate((1.0, -1.0)):
                unit = 2 * axis + side
                actor[0].weight[unit, axis] = slope
                actor[2].weight[unit, unit] = 1.0
                actor[4].weight[axis, unit] = -2.0 * slope * sign
    networks = (_critic(), _critic()) if critics else ()
    return Teacher(env_id, actor, networks, {"algorithm": "test", "returns": {}})


def teacher_file(path: Path, **options) -> Path:
    """The teacher as a file."""
    made = teacher(**options)
    model = SimpleNamespace(
        actor=SimpleNamespace(latent_pi=made.actor[:-1], mu=made.actor[-1]),
        critic=SimpleNamespace(q_networks=made.critics),
        action_space=Point.action_space,
    )
    write_teacher(path, model, {**made.about, "env_id": made.env_id})
    return path


def _critic() -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))

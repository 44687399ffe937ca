"""Environments whose episodes all begin alike, five steps long, with random numbers inside: a run that is resumed
between two episodes cannot be told from one that never stopped. Small protocols for them, and runs that are killed."""

import random
from contextlib import contextmanager
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from ganglion.trainer.progress import Progress
from ganglion.trainer.recipes.dqn import DqnProtocol
from ganglion.trainer.recipes.sac import SacProtocol

LENGTH = 5


class _Beats(gymnasium.Env):
    """Observations: what was done last, a random number, the step; the reward is for actions that answer both."""

    observation_space = gymnasium.spaces.Box(-2.0, 2.0, (3,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.drawn = 0, 0.0
        return np.zeros(3, np.float32), {}

    def step(self, action):
        told = self._told(action)
        reward = 1.0 - (told - self.drawn) ** 2
        self.steps += 1
        self.drawn = self.np_random.uniform(-1, 1)
        seen = np.array([told, self.drawn, self.steps / LENGTH], np.float32)
        return seen, reward, self.steps == LENGTH, False, {}


class Strokes(_Beats):
    """Two continuous actions."""

    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    @staticmethod
    def _told(action):
        return float(np.mean(action))


class Notes(_Beats):
    """Three choices."""

    action_space = gymnasium.spaces.Discrete(3)

    @staticmethod
    def _told(action):
        return float(action) - 1.0


STROKES, NOTES = "Strokes-v0", "Notes-v0"
for _name, _kind in ((STROKES, Strokes), (NOTES, Notes)):
    if _name not in gymnasium.registry:
        gymnasium.register(_name, _kind)

SAC = SacProtocol(
    STROKES,
    steps=250,
    sparsity=0.7,
    allocation="uniform",
    prune_events=10,
    batch_size=16,
    widths=(16, 16),
    learning_starts=30,
    evaluate_every=25,
    evaluation_episodes=1,
    checkpoint_every=20,
)
TEACHER = replace(SAC, sparsity=0.0, quantised=False, averaging_steps=50)
DQN = DqnProtocol(
    NOTES,
    steps=250,
    sparsity=0.7,
    allocation="uniform",
    prune_events=10,
    batch_size=16,
    widths=(16, 16),
    learning_rate=1e-3,
    learning_starts=30,
    buffer_size=90,
    target_update_interval=25,
    exploration_fraction=0.5,
    calibration_observations=100,
    evaluate_every=25,
    evaluation_episodes=1,
    checkpoint_every=20,
)


class Killed(BaseException):
    """Ends a run at once, as a signal would: nothing more of it is written."""


@contextmanager
def killed_at(step):
    """Runs in this context are killed within that environment step."""
    on_step = Progress._on_step

    def step_or_die(self):
        if self.num_timesteps == step:
            raise Killed
        return on_step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "_on_step", step_or_die)
        with pytest.raises(Killed):
            yield


def disturb():
    """Leave the process's own generators as another process would have them."""
    torch.manual_seed(99)
    np.random.seed(99)
    random.seed(99)

"""Pushes on actions: their size, how long they last, and that a seed decides them."""

import numpy as np
import pytest

from ganglion.trainer.reinforce.disturbance import Disturbed
from tests.trainer.distil.point import Point


def _pushes(memory, steps=20_000, seed=0):
    """In units of half an action's range, around an action of 1."""
    env = Disturbed(Point(), 0.1, memory)
    env.reset(seed=seed)
    return np.array([(env.action(np.ones(2, np.float32)) - 1) / 3 for _ in range(steps)])


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95])
def test_size_and_memory_are_what_was_asked_for(memory):
    pushes = _pushes(memory)
    assert pushes.std() == pytest.approx(0.1, rel=0.1)
    lagged = np.corrcoef(pushes[1:, 0], pushes[:-1, 0])[0, 1]
    assert lagged == pytest.approx(memory, abs=0.03)
    assert abs(np.corrcoef(pushes[:, 0], pushes[:, 1])[0, 1]) < 0.15


def test_actions_stay_within_their_bounds_and_a_seed_decides():
    env = Disturbed(Point(), 5.0, 0.9)
    env.reset(seed=1)
    assert all(env.action_space.contains(env.action(np.ones(2, np.float32))) for _ in range(50))
    assert np.array_equal(_pushes(0.9, 50), _pushes(0.9, 50))
    assert not np.array_equal(_pushes(0.9, 50), _pushes(0.9, 50, seed=1))

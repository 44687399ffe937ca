"""Recorded observations are those of the environment, the same for the same seed, over the end of an episode."""

import numpy as np

from ganglion.hil.recording import recorded_observations
from tests.support.actors import hopper_policy


def test_recordings_repeat_and_go_on_into_the_next_episode():
    policy = hopper_policy()
    first = recorded_observations(policy, 120)
    assert first.shape == (120, 11) and first.dtype == np.float32
    np.testing.assert_array_equal(first, recorded_observations(policy, 120))
    assert (first[0] != recorded_observations(policy, 1, seed=1)[0]).any()
    assert (first == recorded_observations(policy, 1, seed=1)[0]).all(axis=1).any()

"""Frames kept once: the same samples as Stable-Baselines3's buffer, which keeps eight times as many."""

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.buffers import ReplayBuffer

from ganglion.trainer.environments import make_env
from ganglion.trainer.frames import FrameReplay
from ganglion.trainer.recipes import RECIPES
from ganglion.trainer.recipes.dqn import DqnProtocol

SPACE = spaces.Box(0, 255, (4, 3, 2), np.uint8)
ACTIONS = spaces.Discrete(3)


def fill(buffers, episodes, seed=0):
    """The same random episodes into all; an episode of negative length ends without being done."""
    random = np.random.default_rng(seed)
    for length in episodes:
        frames = np.concatenate(
            [np.zeros((3, 3, 2), np.uint8), random.integers(0, 3, (abs(length) + 1, 3, 2), np.uint8)]
        )
        for step in range(abs(length)):
            done = np.array([length > 0 and step == length - 1])
            stacks = frames[None, step : step + 4], frames[None, step + 1 : step + 5]
            action, reward = random.integers(0, 3, 1), random.normal(size=1)
            for buffer in buffers:
                buffer.add(*stacks, action, reward, done, [{"TimeLimit.truncated": step % 3 == 0}])


def drawn(buffer, rows=64):
    np.random.seed(1)
    return [values for values in buffer.sample(rows) if values is not None]


def same(one, other):
    return all(a.dtype == b.dtype and (a == b).all() for a, b in zip(drawn(one), drawn(other), strict=True))


@given(st.integers(1, 40), st.lists(st.integers(-12, 12).filter(bool), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_samples_equal_those_of_the_library_s_buffer(size, episodes):
    buffers = [kind(size, SPACE, ACTIONS, "cpu") for kind in (ReplayBuffer, FrameReplay)]
    fill(buffers, episodes)
    assert same(*buffers)
    assert len(buffers[1].starts) <= size + 4


@given(st.integers(1, 20), st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_a_restored_buffer_goes_on_as_the_one_before(size, episodes):
    whole, restored = (FrameReplay(size, SPACE, ACTIONS, "cpu") for _ in range(2))
    fill([whole], episodes)
    restored.state = pickle.loads(pickle.dumps(whole.state))
    for name in ("actions", "rewards", "dones", "timeouts"):
        getattr(restored, name)[:] = getattr(whole, name)
    restored.pos, restored.full = whole.pos, whole.full
    assert same(whole, restored)
    fill([whole, restored], [5, 3], seed=2)
    assert same(whole, restored)


def test_a_million_transitions_of_a_game_fit_into_eight_gigabytes():
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    buffer = FrameReplay(1_000_000, space, ACTIONS, "cpu")  # untouched pages take no memory
    arrays = [value for value in vars(buffer).values() if isinstance(value, np.ndarray)]
    assert sum(array.nbytes for array in arrays) < 7.1e9


def test_images_that_do_not_shift_are_refused():
    buffer = FrameReplay(5, SPACE, ACTIONS, "cpu")
    one, other = np.zeros((1, 4, 3, 2), np.uint8), np.ones((1, 4, 3, 2), np.uint8)
    with pytest.raises(ValueError, match="not this one shifted"):
        buffer.add(one, other, np.zeros(1), np.zeros(1), np.zeros(1), [{}])
    with pytest.raises(ValueError, match="for one environment"):
        FrameReplay(5, SPACE, ACTIONS, "cpu", n_envs=2)


def test_a_game_s_frames_are_kept_once_and_its_samples_stay_the_same():
    """Tutankham loses a life, which ends an episode, within some hundred steps."""
    env = make_env("TutankhamNoFrameskip-v4", 0, training=True)
    model = RECIPES["dqn"].new_model(DqnProtocol("TutankhamNoFrameskip-v4", buffer_size=600), env)
    assert isinstance(model.replay_buffer, FrameReplay)
    buffers = [model.replay_buffer, ReplayBuffer(600, env.observation_space, env.action_space, "cpu")]
    stack, ends = env.reset(seed=0)[0], 0
    for _ in range(700):
        action = env.action_space.sample()
        following, reward, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
        for buffer in buffers:
            buffer.add(stack[None], following[None], np.array([action]), np.array([reward]), np.array([done]), [{}])
        ends += done
        stack = env.reset()[0] if done else following
    assert ends > 0
    assert same(*buffers)

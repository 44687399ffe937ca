"""Replay of stacked frames, each frame kept once: a million transitions of a game take 7 GB instead of 56."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

_NOTHING = spaces.Box(0.0, 1.0, (0,), np.float32)


class FrameReplay(ReplayBuffer):
    """Stable-Baselines3's `ReplayBuffer` for one environment whose observations are stacks of frames
    (frames, height, width), oldest first, that shift by one a step. The same samples, with the same random numbers.

    Of each transition only the newest frame of the next observation is kept. Where an observation does not continue the
    one before, a new episode's, its whole stack is kept.
    """

    def __init__(
        self, buffer_size: int, observation_space: spaces.Box, action_space: spaces.Space, *args: Any, **more: Any
    ) -> None:
        super().__init__(buffer_size, _NOTHING, action_space, *args, **more)
        if self.n_envs != 1 or self.optimize_memory_usage:
            raise ValueError("FrameReplay is for one environment, and saves more memory than optimize_memory_usage")
        self.observation_space, self.obs_shape = observation_space, observation_space.shape
        self.depth = self.obs_shape[0]
        self.added = 0
        self.frames = np.zeros((self.buffer_size + self.depth, *self.obs_shape[1:]), observation_space.dtype)
        self.ages = np.zeros(self.buffer_size, np.uint8)  # transitions since the last whole stack, at most `depth`
        self.starts: dict[int, np.ndarray] = {}  # whole stacks, by the number of their transition
        self._next: np.ndarray | None = None

    def add(self, obs: np.ndarray, next_obs: np.ndarray, *transition: Any) -> None:
        """Keep a transition between stacks (1, frames, height, width); ValueError where the next one is no shift."""
        stack, following = np.asarray(obs)[0], np.array(next_obs)[0]
        if not np.array_equal(stack[1:], following[:-1]):
            raise ValueError(
                "the next observation is not this one shifted by a frame; use ReplayBuffer for such images"
            )
        if self._next is not None and np.array_equal(stack, self._next):
            age = min(self.ages[self.pos - 1] + 1, self.depth)
        else:
            age = 0
            self.starts[self.added] = stack.copy()
        self.ages[self.pos] = age
        self.frames[self.added % len(self.frames)] = following[-1]
        self._next = following
        super().add(_EMPTY, _EMPTY, *transition)
        self.added += 1
        self._forget_starts()

    def stacks(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Observations and next observations of the transitions in `rows`, each (len(rows), frames, height, width)."""
        newest = self.added - 1
        both = np.stack([self._frames_of(newest - (newest - row) % self.buffer_size) for row in rows.tolist()])
        return both[:, :-1], both[:, 1:]

    @property
    def state(self) -> dict:
        """What a checkpoint needs beside the library's own arrays."""
        kept = self.frames[: min(self.added, len(self.frames))]
        return {"added": self.added, "frames": kept, "ages": self.ages, "starts": self.starts, "next": self._next}

    @state.setter
    def state(self, state: dict) -> None:
        self.added, self.starts, self._next = state["added"], state["starts"], state["next"]
        self.ages[:] = state["ages"]
        self.frames[: len(state["frames"])] = state["frames"]

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> ReplayBufferSamples:
        rest = super()._get_samples(batch_inds, env)
        observations, following = map(self.to_torch, self.stacks(batch_inds))
        return rest._replace(observations=observations, next_observations=following)

    def _frames_of(self, number: int) -> np.ndarray:
        """The observation of a transition and the newest frame of its next one, (frames + 1, height, width)."""
        age = int(self.ages[number % self.buffer_size])
        recent = self.frames[np.arange(number - age, number + 1) % len(self.frames)]
        if age >= self.depth:
            return recent
        return np.concatenate([self.starts[number - age][age:], recent])

    def _forget_starts(self) -> None:
        """Drop the stacks that no transition needs any more."""
        while next(iter(self.starts), self.added) + self.depth <= self.added - self.buffer_size:
            del self.starts[next(iter(self.starts))]


_EMPTY = np.zeros((1, 0), np.float32)

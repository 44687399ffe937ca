"""Batches from Stable-Baselines3's replay buffer, without copies in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer

_KINDS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


@dataclass
class Batch:
    """Transitions: `observations` (2 * batch, features) with the next ones in the second half, `actions`, and of each
    transition the reward and whether it truly ended the episode, (batch,)."""

    observations: torch.Tensor
    actions: torch.Tensor
    rewards: torch.Tensor
    ends: torch.Tensor


class Replay:
    """Draws what `ReplayBuffer.sample` would, with the same random numbers; a batch lasts until the next one."""

    def __init__(self, buffer: ReplayBuffer, batch: int) -> None:
        self._buffer = buffer
        arrays = (torch.from_numpy(getattr(buffer, kind)) for kind in _KINDS)
        self._observations, self._next, self._actions, *scalars = (array.flatten(0, 1) for array in arrays)
        self._rewards, self._dones, self._timeouts = scalars
        self._batch = Batch(
            torch.empty(2 * batch, self._observations.shape[1]),
            torch.empty(batch, self._actions.shape[1]),
            *(torch.empty(batch) for _ in range(2)),
        )

    def draws(self, buffer: ReplayBuffer, batch: int) -> bool:
        """Whether it draws batches of that size from that buffer."""
        return buffer is self._buffer and batch == len(self._batch.actions)

    def sample(self) -> Batch:
        """Transitions drawn with replacement."""
        buffer, batch = self._buffer, self._batch
        size = len(batch.actions)
        steps = np.random.randint(0, buffer.size(), size=size)
        envs = np.random.randint(0, buffer.n_envs, size=size)
        rows = torch.from_numpy(steps * buffer.n_envs + envs)
        torch.index_select(self._observations, 0, rows, out=batch.observations[:size])
        torch.index_select(self._next, 0, rows, out=batch.observations[size:])
        torch.index_select(self._actions, 0, rows, out=batch.actions)
        torch.index_select(self._rewards, 0, rows, out=batch.rewards)
        torch.mul(self._dones[rows], 1 - self._timeouts[rows], out=batch.ends)
        return batch

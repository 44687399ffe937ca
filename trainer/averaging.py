"""A teacher's weights averaged over its last steps, which swings less from evaluation to evaluation than the newest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3.common.callbacks import BaseCallback

from .compression.callback import Parts
from .protocol import Protocol


class Averaging(BaseCallback):
    """The mean of the policy's parameters over all steps so far, an exponential one from `protocol.averaging_steps` on;
    a step counts with what acted in it, before its update.

    Training does not see it (Polyak & Juditsky 1992, doi 10.1137/0330046). With 0 steps it is the newest policy.
    """

    def __init__(self, protocol: Protocol, parts: Parts, state: dict) -> None:
        super().__init__()
        self.protocol = protocol
        self._trained = [parameter for layer in parts.layers for parameter in (layer.weight, layer.bias)]
        self._count, means = state.get("average", (0, self._trained))
        self._means = [mean.detach().clone() for mean in means] if protocol.averaging_steps else []

    @property
    def state(self) -> dict:
        """What a checkpoint needs to go on."""
        return {"average": (self._count, [mean.clone() for mean in self._means])} if self._means else {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The policy computes with the mean for as long as this lasts."""
        newest = [parameter.detach().clone() for parameter in self._trained[: len(self._means)]]
        self._put(self._means)
        try:
            yield
        finally:
            self._put(newest)

    @torch.no_grad()
    def _put(self, values: list[torch.Tensor]) -> None:
        for parameter, value in zip(self._trained, values, strict=False):
            parameter.copy_(value)

    def _on_step(self) -> bool:
        if self._means and self.num_timesteps > self.protocol.learning_starts:
            self._count += 1
            share = 1 / min(self._count, self.protocol.averaging_steps)
            for mean, parameter in zip(self._means, self._trained, strict=True):
                mean.lerp_(parameter.detach(), share)
        return True

"""Pruning and integer training of a Stable-Baselines3 actor, as a callback beside the library's untouched classes."""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from .calibration import calibrate
from .layers import Quantiser, SparseLinear
from .protocol import Protocol
from .pruning import allocate, apply_mask, prune

CALIBRATION_OBSERVATIONS = 16_384


def sparsify(actor: nn.Module) -> list[SparseLinear]:
    """Replace the linear layers of a SAC actor in place; the layers of its mean path, first to last, then log_std's.

    Parameters stay the same objects under the same names, so optimisers and saved files are not affected.
    """
    for index, module in enumerate(actor.latent_pi):
        if type(module) is nn.Linear:
            actor.latent_pi[index] = SparseLinear(module)
    actor.mu, actor.log_std = SparseLinear(actor.mu), SparseLinear(actor.log_std)
    return [*mean_path(actor), actor.log_std]


def mean_path(actor: nn.Module) -> list[SparseLinear]:
    """The layers that deterministic inference runs: hidden ones, then the mean."""
    return [module for module in actor.latent_pi if isinstance(module, SparseLinear)] + [actor.mu]


class Compression(BaseCallback):
    """Prunes by the protocol's schedule, calibrates when integer training begins, remembers both for checkpoints.

    The standard-deviation layer is pruned like the mean's, as published, but stays in float: no device runs it.
    """

    def __init__(self, protocol: Protocol, layers: list[SparseLinear], state: dict) -> None:
        super().__init__()
        self.protocol, self.layers = protocol, layers
        self.event = state.get("event", 0)
        for layer, mask in zip(layers, state.get("masks", []), strict=False):
            layer.mask.copy_(mask)
        for layer, quantiser in zip(layers, state.get("quantisers", []), strict=False):
            layer.set_quantiser(quantiser)
        self.shapes = [tuple(layer.weight.shape) for layer in layers[:-1]]

    @property
    def state(self) -> dict:
        """What a checkpoint needs to go on: masks, quantisers, pruning events done."""
        quantisers: list[Quantiser | None] = [layer.quantiser for layer in self.layers]
        return {"event": self.event, "masks": [layer.mask.clone() for layer in self.layers], "quantisers": quantisers}

    def _on_step(self) -> bool:
        due = self.protocol.schedule.event(self.num_timesteps) if self.protocol.sparsity else 0
        if due > self.event:
            self.event = due
            self._prune(self.protocol.schedule.sparsity_after(due))
        if self.protocol.quantises and self.num_timesteps >= self.protocol.steps and self.layers[0].quantiser is None:
            self._quantise()
        return True

    def _prune(self, sparsity: float) -> None:
        shares = allocate(self.shapes, sparsity, self.protocol.allocation)
        for layer, share in zip(self.layers, [*shares, shares[-1]], strict=True):
            prune(layer, share, self.model.actor.optimizer)

    def _quantise(self) -> None:
        optimizer = self.model.actor.optimizer
        for layer in self.layers:
            apply_mask(layer, optimizer)
        calibrate(self.layers[:-1], self._observations(), self.protocol.bits, optimizer)

    def _observations(self) -> torch.Tensor:
        buffer = self.model.replay_buffer
        size = buffer.buffer_size if buffer.full else buffer.pos
        newest = (buffer.pos - 1 - np.arange(min(size, CALIBRATION_OBSERVATIONS))) % buffer.buffer_size
        return torch.as_tensor(buffer.observations[newest, 0]).float()

"""Pruning and integer training of a Stable-Baselines3 model, as a callback beside the library's untouched classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from ..frames import FrameReplay
from ..protocol import Protocol
from .calibration import BitWidths
from .convolution import SparseConv2d
from .layers import Quantiser, SparseLayer, SparseLinear
from .pruning import allocate, apply_mask, prune, prune_globally, prune_neurons


@dataclass(frozen=True)
class Parts:
    """What of a model is compressed.

    `layers` run deterministic inference, first to last. `readers` read the last hidden layer beside the last of
    `layers`; they are pruned like it and stay in float, since no device runs them. `targets` are a delayed copy of
    `layers` that shares masks and quantisers. `calibrate` gives `layers` and `targets` their quantisers.
    """

    layers: list[SparseLayer]
    readers: list[SparseLayer]
    targets: list[SparseLayer]
    optimizer: torch.optim.Optimizer
    calibrate: Callable[[torch.Tensor, BitWidths], None]

    @property
    def all(self) -> list[SparseLayer]:
        """Every layer."""
        return [*self.layers, *self.readers, *self.targets]


def sparsify(network: nn.Module) -> list[SparseLayer]:
    """Replace linear and convolutional layers in place; the sparse ones, in the order in which they are defined.

    Parameters stay the same objects under the same names, so optimisers and saved files are not affected.
    """
    return list(_replace(network))


def _replace(network: nn.Module) -> Iterator[SparseLayer]:
    kinds = {nn.Linear: SparseLinear, nn.Conv2d: SparseConv2d}
    for name, child in network.named_children():
        if type(child) in kinds:
            sparse = kinds[type(child)](child)
            setattr(network, name, sparse)
            yield sparse
        else:
            yield from _replace(child)


class Compression(BaseCallback):
    """Prunes by the protocol's schedule, calibrates when integer training begins, remembers both for checkpoints."""

    def __init__(self, protocol: Protocol, parts: Parts, state: dict) -> None:
        super().__init__()
        self.protocol, self.parts = protocol, parts
        self.event = state.get("event", 0)
        for layer, mask in zip(parts.all, state.get("masks", []), strict=False):
            layer.mask.copy_(mask)
        for layer, quantiser in zip(parts.all, state.get("quantisers", []), strict=False):
            layer.set_quantiser(quantiser)
        self._target_bias = None

    @property
    def state(self) -> dict:
        """What a checkpoint needs to go on: masks, quantisers, pruning events done."""
        quantisers: list[Quantiser | None] = [layer.quantiser for layer in self.parts.all]
        masks = [layer.mask.clone() for layer in self.parts.all]
        return {"event": self.event, "masks": masks, "quantisers": quantisers}

    def _on_step(self) -> bool:
        due = self.protocol.schedule.event(self.num_timesteps) if self.protocol.sparsity else 0
        if due > self.event:
            self.event = due
            self.prune(self.protocol.schedule.sparsity_after(due))
        starts = self.protocol.quantises and self.num_timesteps >= self.protocol.steps
        if starts and self.parts.layers[0].quantiser is None:
            self.quantise()
        return True

    def _on_rollout_end(self) -> None:
        """Stable-Baselines3 updates targets where torch does not count changes, after the callbacks of a step and
        before it trains: tell by a bias that has moved."""
        if self.parts.targets:
            bias = self.parts.targets[-1].bias.detach()
            if self._target_bias is None or not torch.equal(bias, self._target_bias):
                self._target_bias = bias.clone()
                for layer in self.parts.targets:
                    layer.forget()

    def prune(self, sparsity: float) -> None:
        """Bring all layers to `sparsity`, as the protocol shares it out."""
        parts, protocol = self.parts, self.protocol
        if protocol.pattern == "neurons":
            prune_neurons(parts.layers, parts.readers, sparsity, parts.optimizer)
        elif protocol.allocation == "global":
            prune_globally(parts.layers, sparsity, parts.optimizer, protocol.pattern)
            for reader in parts.readers:
                last = parts.layers[-1]
                prune(reader, 1 - last.nonzeros / last.weight.numel(), parts.optimizer, protocol.pattern)
        else:
            shares = allocate([tuple(layer.weight.shape) for layer in parts.layers], sparsity, protocol.allocation)
            shares += shares[-1:] * len(parts.readers)
            for layer, share in zip([*parts.layers, *parts.readers], shares, strict=True):
                prune(layer, share, parts.optimizer, protocol.pattern)
        for target, layer in zip(parts.targets, parts.layers, strict=bool(parts.targets)):
            target.mask.copy_(layer.mask)

    def quantise(self) -> None:
        """Calibrate on the newest observations of the replay buffer and compute in integers from now on."""
        for layer in [*self.parts.layers, *self.parts.readers]:
            apply_mask(layer, self.parts.optimizer)
        self.parts.calibrate(self._observations(), self.protocol.bits)

    def _observations(self) -> torch.Tensor:
        buffer = self.model.replay_buffer
        size = buffer.buffer_size if buffer.full else buffer.pos
        newest = (buffer.pos - 1 - np.arange(min(size, self.protocol.calibration_observations))) % buffer.buffer_size
        stacked = isinstance(buffer, FrameReplay)
        return torch.as_tensor(buffer.stacks(newest)[0] if stacked else buffer.observations[newest, 0])

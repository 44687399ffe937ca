"""Gradual magnitude pruning (Zhu & Gupta 2017, arXiv 1710.01878) and how sparsity is shared among layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from .layers import SparseLinear

Allocation = Literal["paper", "uniform", "erk"]
Shape = tuple[int, int]


@dataclass(frozen=True)
class CubicSchedule:
    """`events` prunings between two training steps; event i of n reaches S - S (1 - i/n)**3.

    Event i happens at `start` + (i - 1) * interval, interval = int((end - start) / events), so the last one lies an
    interval before `end` (Ivanov et al. 2025, released code).
    """

    sparsity: float
    start: int
    end: int
    events: int

    @property
    def interval(self) -> int:
        """Steps between two events."""
        return (self.end - self.start) // self.events

    def event(self, step: int) -> int:
        """How many events lie at or before `step`."""
        if step < self.start:
            return 0
        return min(self.events, (step - self.start) // self.interval + 1)

    def sparsity_after(self, event: int) -> float:
        """Share of zero weights after `event` events."""
        return self.sparsity - self.sparsity * (1 - event / self.events) ** 3


def allocate(shapes: Sequence[Shape], sparsity: float, allocation: Allocation) -> list[float]:
    """Sparsity of each layer (rows, columns) so that all together reach `sparsity`.

    `paper`: proportional to 1 - (rows + columns) / (rows * columns), which its authors call ERK-like;
    `erk`: Erdos-Renyi kernel (Evci et al. 2020, arXiv 1911.11134); `uniform`: the same everywhere.
    """
    if allocation == "uniform":
        return [sparsity] * len(shapes)
    if allocation == "erk":
        return [1 - density for density in _erk_densities(shapes, 1 - sparsity)]
    sizes = [rows * columns for rows, columns in shapes]
    weights = [1 - (rows + columns) / (rows * columns) for rows, columns in shapes]
    share = sparsity * sum(sizes) / sum(size * weight for size, weight in zip(sizes, weights, strict=True))
    return [min(1.0, max(0.0, share * weight)) for weight in weights]


def _erk_densities(shapes: Sequence[Shape], density: float) -> list[float]:
    full: set[int] = set()
    while True:
        budget = density * sum(r * c for r, c in shapes) - sum(shapes[i][0] * shapes[i][1] for i in full)
        scale = budget / sum(sum(shape) for i, shape in enumerate(shapes) if i not in full)
        result = [1.0 if i in full else scale * (r + c) / (r * c) for i, (r, c) in enumerate(shapes)]
        above = {i for i, value in enumerate(result) if value > 1.0}
        if not above:
            return result
        full |= above


def prune(layer: SparseLinear, sparsity: float, optimizer: torch.optim.Optimizer) -> None:
    """Zero the smallest weights until `sparsity` of the layer is zero; the pruned never come back.

    The optimiser's moments of pruned weights are zeroed too, so that none of them moves again.
    """
    keep = layer.weight.numel() - round(sparsity * layer.weight.numel())
    with torch.no_grad():
        magnitude = torch.where(layer.mask.bool(), layer.weight.abs(), -1.0).flatten()
        mask = torch.zeros_like(magnitude)
        mask[magnitude.topk(min(keep, layer.nonzeros)).indices] = 1.0
        layer.mask.copy_(mask.view_as(layer.mask))
        apply_mask(layer, optimizer)


def apply_mask(layer: SparseLinear, optimizer: torch.optim.Optimizer) -> None:
    """Make pruned weights and their optimiser moments exactly zero."""
    with torch.no_grad():
        layer.weight.mul_(layer.mask)
        for moment in ("exp_avg", "exp_avg_sq"):
            if moment in optimizer.state.get(layer.weight, {}):
                optimizer.state[layer.weight][moment].mul_(layer.mask)

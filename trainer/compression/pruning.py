"""Gradual magnitude pruning (Zhu & Gupta 2017, arXiv 1710.01878): when how much, and how it is shared among layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from .layers import SparseLayer
from .patterns import Pattern, keep_largest, unit_scores, units_to_mask

Allocation = Literal["paper", "uniform", "erk", "global"]
Shape = tuple[int, ...]


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
    """Sparsity of each layer so that all together reach `sparsity`; a shape is the weight's, outputs first.

    `paper`: proportional to 1 - sum of the dimensions / their product, which its authors call ERK-like;
    `erk`: Erdos-Renyi kernel (Evci et al. 2020, arXiv 1911.11134); `uniform`: the same everywhere. With `global`
    no shares are known before the weights are: see `prune_globally`.
    """
    if allocation == "global":
        raise ValueError("global allocation has no shares; use prune_globally")
    if allocation == "uniform":
        return [sparsity] * len(shapes)
    if allocation == "erk":
        return [1 - density for density in _erk_densities(shapes, 1 - sparsity)]
    sizes = [math.prod(shape) for shape in shapes]
    weights = [1 - sum(shape) / size for shape, size in zip(shapes, sizes, strict=True)]
    share = sparsity * sum(sizes) / sum(size * weight for size, weight in zip(sizes, weights, strict=True))
    return [min(1.0, max(0.0, share * weight)) for weight in weights]


def _erk_densities(shapes: Sequence[Shape], density: float) -> list[float]:
    sizes = [math.prod(shape) for shape in shapes]
    full: set[int] = set()
    while True:
        budget = density * sum(sizes) - sum(sizes[i] for i in full)
        scale = budget / sum(sum(shape) for i, shape in enumerate(shapes) if i not in full)
        result = [1.0 if i in full else scale * sum(shape) / sizes[i] for i, shape in enumerate(shapes)]
        above = {i for i, value in enumerate(result) if value > 1.0}
        if not above:
            return result
        full |= above


def prune(
    layer: SparseLayer, sparsity: float, optimizer: torch.optim.Optimizer, pattern: Pattern = "unstructured"
) -> None:
    """Zero the smallest weights until `sparsity` of the layer is zero; the pruned never come back.

    Pairs are kept whole, so up to one weight more is zero. The optimiser's moments of pruned weights are zeroed too,
    so that none of them moves again.
    """
    keep = layer.weight.numel() - round(sparsity * layer.weight.numel())
    scores, sizes = unit_scores(layer, pattern)
    _set_mask(layer, units_to_mask(layer.weight, keep_largest(scores, sizes, keep), pattern), optimizer)


def prune_globally(
    layers: Sequence[SparseLayer],
    sparsity: float,
    optimizer: torch.optim.Optimizer,
    pattern: Pattern = "unstructured",
) -> None:
    """Zero the smallest weights of all layers together; the largest of each layer stays, so that none is cut off."""
    units = [unit_scores(layer, pattern) for layer in layers]
    for scores, _ in units:
        scores[scores.argmax()] = torch.inf
    total = sum(layer.weight.numel() for layer in layers)
    keep = total - round(sparsity * total)
    scores, sizes = (torch.cat(parts) for parts in zip(*units, strict=True))
    kept = keep_largest(scores, sizes, keep).split([len(scores) for scores, _ in units])
    for layer, part in zip(layers, kept, strict=True):
        _set_mask(layer, units_to_mask(layer.weight, part, pattern), optimizer)


def prune_neurons(
    layers: Sequence[SparseLayer], readers: Sequence[SparseLayer], sparsity: float, optimizer: torch.optim.Optimizer
) -> None:
    """Cut whole hidden neurons of a multilayer perceptron until `sparsity` of its weights is zero.

    The weakest goes first: the mean magnitude of what it reads and what reads it, as a share of its layer's. `readers`
    read the last hidden layer beside the last of `layers` and follow it. Every layer keeps one neuron.
    """
    with torch.no_grad():
        alive = [layer.mask.any(dim=1) for layer in layers[:-1]]
        scores = [
            _neuron_scores(layer, reader, live) for layer, reader, live in zip(layers, layers[1:], alive, strict=False)
        ]
        keep = round((1 - sparsity) * sum(layer.weight.numel() for layer in layers))
        cut_weakest(alive, scores, [layers[0].weight.shape[1], len(layers[-1].weight)], keep)
        for index, layer in enumerate([*layers, *readers]):
            last = min(index, len(layers) - 1)
            mask = torch.ones_like(layer.mask)
            if index < len(alive):
                mask *= alive[index][:, None]
            if last:
                mask *= alive[last - 1]
            _set_mask(layer, mask, optimizer)


def _neuron_scores(layer: SparseLayer, reader: SparseLayer, alive: torch.Tensor) -> torch.Tensor:
    scores = layer.weight.abs().mean(dim=1) + reader.weight.abs().mean(dim=0)
    return torch.where(alive, scores / scores[alive].mean(), torch.inf)


def cut_weakest(alive: list[torch.Tensor], scores: list[torch.Tensor], ends: list[int], keep: int) -> None:
    """Cut hidden neurons, lowest score first, from `alive` (one bool vector per hidden layer, changed in place) until a
    dense network of what is left, between `ends` features and actions, has at most `keep` weights. Every layer keeps
    one neuron; scores that are infinite belong to neurons that are gone."""
    order = sorted((float(s), i, j) for i, layer in enumerate(scores) for j, s in enumerate(layer) if s < torch.inf)
    widths = [ends[0], *(int(live.sum()) for live in alive), ends[1]]
    for _, index, neuron in order:
        if sum(a * b for a, b in zip(widths, widths[1:], strict=False)) <= keep:
            return
        if widths[index + 1] > 1:
            alive[index][neuron] = False
            widths[index + 1] -= 1


def _set_mask(layer: SparseLayer, mask: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    with torch.no_grad():
        layer.mask.mul_(mask)
    apply_mask(layer, optimizer)


def apply_mask(layer: SparseLayer, optimizer: torch.optim.Optimizer) -> None:
    """Make pruned weights and their optimiser moments exactly zero."""
    with torch.no_grad():
        layer.weight.mul_(layer.mask)
        for moment in ("exp_avg", "exp_avg_sq"):
            if moment in optimizer.state.get(layer.weight, {}):
                optimizer.state[layer.weight][moment].mul_(layer.mask)

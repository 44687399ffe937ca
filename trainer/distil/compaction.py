"""Hidden neurons that nothing reads, or that nothing moves, dropped for good: the network computes the same, faster."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..compression.layers import SparseLinear
from ..compression.patterns import Pattern
from .selection import of_pairs


@torch.no_grad()
def compact(
    layers: Sequence[SparseLinear], optimizer: torch.optim.Optimizer, pattern: Pattern = "unstructured"
) -> None:
    """Shrink float `layers` and the optimiser's moments in place until every hidden neuron has an input and a reader.

    A neuron without inputs is a constant, and is added to the biases of its readers. One neuron stays in any case.
    With `pairs`, two neighbouring neurons go together or not at all.
    """
    while any(_drop(hidden, reader, optimizer, pattern) for hidden, reader in zip(layers, layers[1:], strict=False)):
        pass


def _drop(hidden: SparseLinear, reader: SparseLinear, optimizer: torch.optim.Optimizer, pattern: Pattern) -> bool:
    constant, unread = hidden.mask.sum(dim=1) == 0, reader.mask.sum(dim=0) == 0
    kept = ~of_pairs(constant | unread, pattern)
    if not kept.any():
        kept[: 1 + (pattern == "pairs")] = True
    if kept.all():
        return False
    folded = constant & ~kept
    reader.bias.add_((reader.weight * reader.mask)[:, folded] @ torch.relu(hidden.bias[folded]))
    _cut(hidden, "weight", kept, 0, optimizer)
    _cut(hidden, "bias", kept, 0, optimizer)
    _cut(reader, "weight", kept, 1, optimizer)
    hidden.mask, reader.mask = hidden.mask[kept], reader.mask[:, kept].contiguous()
    hidden.out_features = reader.in_features = int(kept.sum())
    hidden.forget()
    reader.forget()
    return True


def _cut(layer: SparseLinear, name: str, kept: torch.Tensor, dim: int, optimizer: torch.optim.Optimizer) -> None:
    def part(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.index_select(dim, kept.nonzero()[:, 0]).contiguous()

    old = getattr(layer, name)
    new = nn.Parameter(part(old))
    setattr(layer, name, new)
    state = optimizer.state.pop(old, {})
    for moment in ("exp_avg", "exp_avg_sq"):
        if moment in state:
            state[moment] = part(state[moment])
    if state:
        optimizer.state[new] = state
    for group in optimizer.param_groups:
        group["params"] = [new if parameter is old else parameter for parameter in group["params"]]

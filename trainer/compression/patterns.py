"""Which weights live or die together, and which of these units stay."""

from __future__ import annotations

from typing import Literal

import torch

from .layers import SparseLayer

Pattern = Literal["unstructured", "pairs", "neurons"]
_PRUNED = -1.0


@torch.no_grad()
def unit_scores(layer: SparseLayer, pattern: Pattern) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean magnitude and number of weights of each unit, both (units,), row by row; -1 for units that are pruned.

    `unstructured`: a unit is a weight. `pairs`: inputs 2k and 2k + 1 of a row; the last input of an odd number alone.
    """
    return mean_of_units(torch.where(layer.mask.bool(), layer.weight.abs(), _PRUNED).flatten(1), pattern)


def mean_of_units(values: torch.Tensor, pattern: Pattern) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of `values` (rows, columns) over each unit, and number of weights of each, both (units,), row by row."""
    if pattern == "unstructured":
        return values.flatten(), torch.ones(values.numel(), dtype=torch.int64)
    pairs = values[:, : values.shape[1] // 2 * 2].unflatten(1, (-1, 2)).mean(dim=2)
    single = values[:, pairs.shape[1] * 2 :]
    sizes = torch.tensor([2] * pairs.shape[1] + [1] * single.shape[1]).repeat(len(values))
    return torch.cat([pairs, single], dim=1).flatten(), sizes


def keep_largest(scores: torch.Tensor, sizes: torch.Tensor, keep: int, floor: float = _PRUNED) -> torch.Tensor:
    """Where the units (units,) with the highest scores lie that together have at most `keep` weights;
    only scores above `floor` count."""
    order = scores.argsort(descending=True, stable=True)
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[order] = sizes[order].cumsum(0) <= keep
    return kept & (scores > floor)


def units_to_mask(weight: torch.Tensor, kept: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """The mask, of the shape of the layer's `weight`, of units (units,) that are kept."""
    mask = kept.float().unflatten(0, (len(weight), -1))
    if pattern == "pairs":
        mask = mask.repeat_interleave(2, dim=1)[:, : weight[0].numel()]
    return mask.view_as(weight)
